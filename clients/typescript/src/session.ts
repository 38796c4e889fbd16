// The tokens of a session, and the rules of their renewal.
import type { components } from "./generated/schema.js";

/** The access token is renewed this many milliseconds before it expires, so that no upload fails after it was sent. */
const MARGIN = 30_000;

/** The tokens of a session. Store them with `onTokens` to continue the session in another process. */
export interface Tokens {
  accessToken: string;
  refreshToken: string;
  /** When the access token expires, in milliseconds of `Date.now`, if this is known. */
  expiresAt?: number;
}

/** The tokens of a client. */
export class Session {
  /** The error with which the renewal of the current tokens failed permanently. */
  failure: Error | undefined;
  /** The renewal that is running. */
  renewal: Promise<void> | undefined;
  #tokens: Tokens | undefined;
  // In milliseconds of the monotonic clock: the clock of the computer may step.
  #renewAt: number | undefined;

  constructor(
    tokens: Tokens | undefined,
    private readonly onTokens: ((tokens: Tokens | undefined) => void | Promise<void>) | undefined,
  ) {
    this.#use(tokens);
  }

  /** The current tokens. */
  get tokens(): Tokens | undefined {
    return this.#tokens;
  }

  /** Whether the access token has expired or expires soon. */
  get isDue(): boolean {
    return this.#renewAt !== undefined && performance.now() >= this.#renewAt;
  }

  /** Uses the tokens of a sign-in or a renewal. */
  async adopt(signedIn: components["schemas"]["SignedIn"]): Promise<void> {
    const { access_token: accessToken, refresh_token: refreshToken, expires_in: seconds } = signedIn;
    this.#use({ accessToken, refreshToken, expiresAt: Date.now() + seconds * 1000 });
    await this.onTokens?.(this.#tokens);
  }

  /** Forgets the tokens after the end of the session. */
  async clear(): Promise<void> {
    this.#use(undefined);
    await this.onTokens?.(undefined);
  }

  #use(tokens: Tokens | undefined): void {
    this.#tokens = tokens;
    this.failure = undefined;
    const left = (tokens?.expiresAt ?? NaN) - Date.now();
    // At most half of the lifetime, in case that it is shorter than the margin.
    this.#renewAt = Number.isNaN(left) ? undefined : performance.now() + left - Math.min(MARGIN, left / 2);
  }
}
