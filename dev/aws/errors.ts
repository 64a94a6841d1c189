/** An error as AWS answers it: code, HTTP status and text. The wire format is the business of the service's writer. */
export class AwsError extends Error {
  override readonly name = 'AwsError';
  readonly code: string;
  readonly status: number;

  constructor(code: string, status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.status = status;
  }
}

/** Nobody is answered: the connection is cut before the work is done. */
export class ConnectionCut extends AwsError {
  constructor() {
    super('ConnectionCut', 0, 'the connection was cut before the work was done');
  }
}

export const validationError = (message: string): AwsError => new AwsError('ValidationError', 400, message);
export const accessDenied = (message: string): AwsError => new AwsError('AccessDenied', 403, message);
/** IAM and STS 400 `Throttling`; S3 says `SlowDown` with 503. */
export const throttled = (): AwsError => new AwsError('Throttling', 400, 'Rate exceeded');

/** For what AWS has and the double has not: said aloud, never ignored. */
export const notImplemented = (what: string): AwsError =>
  new AwsError('NotImplemented', 501, `local AWS does not have ${what}`);

/** Turns whatever was thrown into an AWS error; a bug of the double becomes a 500 that names itself. */
export function toAwsError(error: unknown): AwsError {
  if (error instanceof AwsError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new AwsError('InternalFailure', 500, `local AWS failed: ${message}`, { cause: error });
}
