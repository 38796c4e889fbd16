// Requests of operations, and options of a call.
import type { Content } from "./content.js";

/** Options of one call. An absent value stands for the option of the client. */
export interface CallOptions {
  /** Milliseconds without progress after which the call fails. */
  timeout?: number | undefined;
  /** The number of repetitions after failed attempts. */
  retries?: number | undefined;
  /** Additional headers. */
  requestHeaders?: HeadersInit | undefined;
  /** Cancels the call. */
  signal?: AbortSignal | undefined;
  /** Receives the status and the headers of the successful response, for example the entity tag. */
  onResponse?: ((response: { status: number; headers: Headers }) => void) | undefined;
}

/** A request of an operation. */
export interface OperationRequest {
  method: string;
  path: string;
  parameters?: Record<string, string>;
  query?: Record<string, string | number | boolean | null | undefined>;
  headers?: Record<string, string | null | undefined>;
  json?: unknown;
  form?: object;
  content?: Content;
  /** Whether the operation takes no credential. */
  isPublic?: boolean;
  /** Whether the response has the tokens of a new session. */
  signsIn?: boolean;
  /** Whether the tokens of the session become invalid. */
  endsSession?: boolean;
  /** Whether the request renews tokens; see `renewal`. */
  renews?: boolean;
}

/** Path parameters that may contain slashes. */
const SEVERAL_SEGMENTS = new Set(["path", "key"]);
/** The methods that RFC 9110 defines as idempotent. */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/**
 * Returns the path and the query.
 *
 * Throws `RangeError` for a segment that is empty, "." or "..": URL libraries resolve them, so the request would reach
 * another endpoint.
 */
export function target(request: OperationRequest): string {
  let path = request.path;
  for (const [name, value] of Object.entries(request.parameters ?? {})) {
    const segments = SEVERAL_SEGMENTS.has(name) ? value.split("/") : [value];
    if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) {
      throw new RangeError(`The ${name} "${value}" has a segment that is empty, "." or "..".`);
    }
    const encoded = segments.map(encodeURIComponent).join("/");
    // A function, because "$" has a meaning in a replacement text.
    path = path.replace(`{${name}}`, () => encoded);
  }
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined && value !== null) query.set(name, String(value));
  }
  return query.size > 0 ? `${path}?${query}` : path;
}

/** Whether a repetition has the same effect as one request. */
export function isIdempotent(request: OperationRequest): boolean {
  if (request.query?.["consume"] != null) return false;
  if (request.renews || request.headers?.["Idempotency-Key"]) return true;
  const json = request.json as { idempotency_key?: unknown } | null | undefined;
  if (json?.idempotency_key) return true;
  return IDEMPOTENT.has(request.method) && !isConditionalWrite(request);
}

/** Whether a repetition would fail because the first attempt has changed the resource. */
function isConditionalWrite({ method, headers = {} }: OperationRequest): boolean {
  const conditions = ["If-Match", "If-None-Match", "If-Unmodified-Since"];
  return method !== "GET" && method !== "HEAD" && conditions.some((name) => headers[name]);
}

/**
 * Returns the request that renews tokens.
 *
 * If its response is lost, it is repeated with the same token. The service accepts this within REFRESH_GRACE_SECONDS.
 * Later it ends the session, which is lost in any case: its next refresh token is unknown.
 */
export function renewal(refreshToken: string): OperationRequest {
  const json = { refresh_token: refreshToken };
  return { method: "POST", path: "/api/v1/auth/refresh", json, isPublic: true, renews: true };
}
