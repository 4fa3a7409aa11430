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

/** dicom-parser throws strings and `{exception}` objects as well as errors. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  if (typeof thrown === 'object' && thrown !== null && 'exception' in thrown)
    return reasonOf(thrown.exception);
  return String(thrown).replace(/^dicomParser\.?[A-Za-z]*: ?/, '');
}
