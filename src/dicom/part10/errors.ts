import { DenoiseError } from '../../notices';

/** A file that is no readable DICOM, or says two different things about itself. `what` is one clause for people, in English. */
export function unreadable(what: string, cause?: unknown): DenoiseError {
  return new DenoiseError(
    { kind: 'fault', code: 'unreadable-dicom', what },
    cause === undefined ? {} : { cause },
  );
}

/** Pixels in a transfer syntax that nothing here decodes. */
export function undecodable(transferSyntaxUid: string, cause?: unknown): DenoiseError {
  return new DenoiseError(
    { kind: 'refusal', code: 'undecodable', transferSyntaxUid },
    cause === undefined ? {} : { cause },
  );
}
