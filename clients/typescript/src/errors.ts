// The errors of the client. `PROBLEMS` has a class for each stable code of the service.
import type { components } from "./generated/schema.js";

/** An error of the service, as it sent it (RFC 9457). */
export type ProblemDocument = components["schemas"]["Problem"];

/** An error of the client or of the service. */
export class TenancyError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The service cannot be reached, or the connection broke before the response was complete. */
export class ConnectionFailed extends TenancyError {}

/** The service did not respond within the timeout. */
export class TimedOut extends ConnectionFailed {}

/** The response does not come from the service, for example from a proxy in front of it. */
export class UnexpectedResponse extends TenancyError {
  constructor(
    readonly status: number,
    readonly headers: Headers,
    readonly body: string,
  ) {
    super(`The response with the status ${status} is no problem of the service. Check the URL.`);
  }
}

/** The resource still has the entity tag of `ifNoneMatch` (status 304). */
export class NotModified extends TenancyError {
  constructor(readonly headers: Headers) {
    super("The resource has not changed.");
  }
}

/** An error of the service (RFC 9457). Each known code has a class; another code has this class. */
export class Problem extends TenancyError {
  /** The stable code. */
  readonly code: string;

  constructor(
    readonly status: number,
    readonly headers: Headers,
    /** The whole problem. */
    readonly document: ProblemDocument,
  ) {
    super(`${status} ${document.code}: ${document.detail} (request ${document.request_id})`);
    this.code = document.code;
  }

  /** The messages of invalid fields, by the name of the field. */
  get fields(): Record<string, string> {
    return Object.fromEntries((this.document.errors ?? []).map(({ field, message }) => [field, message]));
  }
}
