/** An answer that is not success: the HTTP status and a message that says what to do. Fastify reads `statusCode`. */
export class HttpError extends Error {
  readonly statusCode: number;

  constructor(statusCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HttpError';
    this.statusCode = statusCode;
  }
}

/** A file that cannot be indexed or read as DICOM. `message` is for the list of problems. */
export class DicomFileError extends Error {
  /** True where the file does not even claim to be DICOM (no `DICM` at byte 128), such as a README beside the images. */
  readonly notDicom: boolean;

  constructor(message: string, options: ErrorOptions & { notDicom?: boolean } = {}) {
    super(message, options);
    this.name = 'DicomFileError';
    this.notDicom = options.notDicom ?? false;
  }
}

/** What went wrong, for people; src/dicom says it in a clause of its notice. */
export function reasonOf(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null) {
    if ('notice' in thrown && hasWhat(thrown.notice)) return thrown.notice.what;
    // A refused connection to a name with several addresses comes as an AggregateError without a message.
    if ('message' in thrown) return String(thrown.message) || codeOf(thrown) || 'unknown error';
  }
  return String(thrown);
}

const hasWhat = (notice: unknown): notice is { what: string } =>
  typeof notice === 'object' && notice !== null && 'what' in notice && typeof notice.what === 'string';

/** Node's code of a failed system call, such as `ENOSPC`; undefined for other errors. */
export function codeOf(thrown: unknown): string | undefined {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown ? String(thrown.code) : undefined;
}
