// Decides whether and when a failed attempt is repeated.
import { ConnectionFailed, Problem, type TenancyError, UnexpectedResponse } from "./errors.js";
import { isIdempotent, type OperationRequest } from "./request.js";

/** Statuses of an overloaded or unavailable service, or of a proxy in front of it. */
const TEMPORARY = new Set([429, 502, 503, 504]);

/** The bounds of repetitions. */
export interface RetryPolicy {
  /** The number of repetitions after the first attempt. The default is 2. */
  retries?: number;
  /** The longest pause in milliseconds. A call whose `Retry-After` is longer fails at once. The default is 30,000. */
  longestPause?: number;
}

/** Returns the milliseconds until the next attempt, or undefined if the error is final. `attempt` starts at 0. */
export function pause(
  policy: RetryPolicy,
  request: OperationRequest,
  attempt: number,
  error: TenancyError,
  retries = policy.retries ?? 2,
): number | undefined {
  if (attempt >= retries || !isIdempotent(request)) return undefined;
  const longest = policy.longestPause ?? 30_000;
  if (error instanceof Problem || error instanceof UnexpectedResponse) {
    if (!TEMPORARY.has(error.status)) return undefined;
    const asked = retryAfter(error.headers.get("retry-after"));
    if (asked !== undefined) return asked <= longest ? asked : undefined;
  } else if (!(error instanceof ConnectionFailed)) {
    return undefined;
  }
  // Exponential backoff with full jitter: 250 ms, 500 ms, 1 s...
  return Math.min(Math.random() * 250 * 2 ** attempt, longest);
}

/** Returns the milliseconds of a `Retry-After` (RFC 9110, section 10.2.3), or undefined if it is absent or malformed. */
export function retryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}
