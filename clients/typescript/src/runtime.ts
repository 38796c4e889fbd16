// Sends requests, renews tokens, and repeats attempts.
import { bodyOf, isRepeatable } from "./content.js";
import { Deadline } from "./deadline.js";
import { Download } from "./download.js";
import {
  ConnectionFailed,
  NotModified,
  Problem,
  type ProblemDocument,
  TenancyError,
  TimedOut,
  UnexpectedResponse,
} from "./errors.js";
import type { components } from "./generated/schema.js";
import { type CallOptions, type OperationRequest, renewal, target } from "./request.js";
import { pause, type RetryPolicy } from "./retry.js";
import { Session, type Tokens } from "./session.js";

/** The codes after which another access token may be valid. */
const STALE = ["token_expired", "token_revoked", "invalid_token"];

/** The options of a client. */
export interface ClientOptions {
  /** The slug of the tenant. A sign-in needs it, unless the address names the tenant. */
  tenant?: string;
  /** An API key, an operator key, or an access token that is not renewed. */
  credential?: string;
  /** The tokens of a session. The client renews them. `login` replaces them. */
  tokens?: Tokens;
  /** Receives new tokens before a call uses them, or undefined after the end of the session. Only one process may
   * renew the tokens of a session. */
  onTokens?: (tokens: Tokens | undefined) => void | Promise<void>;
  /** Milliseconds without progress after which a call fails. The default is 30,000. */
  timeout?: number;
  retry?: RetryPolicy;
  /** Another implementation of `fetch`, for example with a proxy. */
  fetch?: typeof fetch;
}

/** An attempt that succeeded. */
interface Success {
  response: Response;
  deadline: Deadline;
  failure: (error: unknown) => TenancyError;
}

export abstract class Runtime {
  readonly #url: string;
  readonly #options: ClientOptions;
  readonly #session: Session;

  /** Creates a client of the service at `url`, such as `https://tenancy.example`. */
  constructor(url: string, options: ClientOptions = {}) {
    if (!/^https?:\/\//.test(url)) throw new RangeError("The URL must start with http:// or https://.");
    this.#url = url.replace(/\/+$/, "");
    this.#options = options;
    this.#session = new Session(options.tokens, options.onTokens);
  }

  /** The current tokens of the session. */
  get tokens(): Tokens | undefined {
    return this.#session.tokens;
  }

  /** Returns the classes of problems. The class with the operations has them. */
  protected abstract problemOf(code: string): typeof Problem;

  protected async json<Result>(request: OperationRequest, options: CallOptions): Promise<Result> {
    const { document } = await this.#send(request, options, readJson);
    if (!this.#options.credential) {
      const { refresh_token: named } = (request.json ?? {}) as { refresh_token?: string };
      if (request.signsIn) await this.#session.adopt(document as components["schemas"]["SignedIn"]);
      else if (request.endsSession && (!named || named === this.tokens?.refreshToken)) await this.#session.clear();
    }
    return document as Result;
  }

  protected async none(request: OperationRequest, options: CallOptions): Promise<void> {
    await this.#send(request, options, (success) => success.response.arrayBuffer());
  }

  protected text(request: OperationRequest, options: CallOptions): Promise<string> {
    return this.#send(request, options, (success) => success.response.text());
  }

  protected headers(request: OperationRequest, options: CallOptions): Promise<Headers> {
    return this.#send(request, options, async ({ response }) => response.headers);
  }

  protected download(request: OperationRequest, options: CallOptions): Promise<Download> {
    const open = async ({ response, deadline, failure }: Success) => new Download(response, deadline, failure);
    return this.#send(request, options, open);
  }

  protected async *offsetPages<Item>(
    page: (offset: number) => Promise<{ items: Item[]; total: number }>,
  ): AsyncGenerator<Item> {
    for (let offset = 0; ; ) {
      const { items, total } = await page(offset);
      yield* items;
      offset += items.length;
      if (items.length === 0 || offset >= total) return;
    }
  }

  protected async *cursorPages<Item>(
    page: (cursor: string | undefined) => Promise<{ items: Item[]; next_cursor: string | null }>,
  ): AsyncGenerator<Item> {
    for (let cursor: string | undefined; ; ) {
      const { items, next_cursor: next } = await page(cursor);
      yield* items;
      if (next === null) return;
      if (next === cursor) throw new ConnectionFailed("The service returned the same cursor again.");
      cursor = next;
    }
  }

  /** Sends a request until an attempt succeeds, and returns what `read` reads from its response. */
  async #send<Result>(
    request: OperationRequest,
    options: CallOptions,
    read: (success: Success) => Promise<Result>,
  ): Promise<Result> {
    let renewed = false;
    for (let attempt = 0; ; ) {
      if (!request.isPublic && this.#session.isDue) await this.#renew(this.tokens?.accessToken);
      const token = this.#token(request);
      const failed = await this.#attempt(request, options, token, read);
      if ("result" in failed) return failed.result;
      const { error } = failed;
      options.signal?.throwIfAborted();
      if (!isRepeatable(request.content)) throw error;
      if (!renewed && this.#mayRenew(request, error)) {
        await this.#renew(token);
        renewed = true;
        continue;
      }
      const wait = pause(this.#options.retry ?? {}, request, attempt, error, options.retries);
      if (wait === undefined) throw error;
      await sleep(wait, options.signal);
      attempt += 1;
    }
  }

  async #attempt<Result>(
    request: OperationRequest,
    options: CallOptions,
    token: string | undefined,
    read: (success: Success) => Promise<Result>,
  ): Promise<{ result: Result } | { error: TenancyError }> {
    const deadline = new Deadline(options.timeout ?? this.#options.timeout ?? 30_000, options.signal);
    const failure = (error: unknown): TenancyError => {
      if (error instanceof TenancyError) return error;
      if (deadline.hasPassed) return new TimedOut("The service did not respond in time.", { cause: error });
      return new ConnectionFailed(`The connection to the service failed: ${reason(error)}`, { cause: error });
    };
    const send = this.#options.fetch ?? fetch;
    let response: Response;
    let result: Result | undefined;
    try {
      const prepared = this.#build(request, options, token, deadline);
      try {
        response = await send(...prepared);
        if (!response.ok) return { error: await this.#error(response) };
        result = await read({ response, deadline, failure });
      } catch (error) {
        return { error: failure(error) };
      }
    } finally {
      if (!(result instanceof Download)) deadline.end();
    }
    options.onResponse?.(response);
    return { result };
  }

  #build(
    request: OperationRequest,
    options: CallOptions,
    token: string | undefined,
    deadline: Deadline,
  ): [string, RequestInit] {
    const headers = new Headers(options.requestHeaders);
    for (const [name, value] of Object.entries(request.headers ?? {})) if (value) headers.set(name, value);
    if (this.#options.tenant && request.path.startsWith("/api/")) headers.set("X-Tenant-Slug", this.#options.tenant);
    if (token) headers.set("Authorization", `Bearer ${token}`);
    if (!headers.has("User-Agent")) headers.set("User-Agent", "tenancy-client-typescript/0.1.0");
    let body: BodyInit | undefined;
    if (request.json !== undefined && request.json !== null) {
      body = JSON.stringify(request.json);
      headers.set("Content-Type", "application/json");
    } else if (request.form) {
      const fields = Object.entries(request.form).filter(([, value]) => value !== undefined && value !== null);
      body = new URLSearchParams(fields as [string, string][]);
    } else if (request.content !== undefined) {
      body = bodyOf(request.content, deadline.restart);
    }
    const init = { method: request.method, headers, redirect: "manual", signal: deadline.signal, duplex: "half" };
    return [this.#url + target(request), { ...init, ...(body === undefined ? {} : { body }) } as RequestInit];
  }

  async #error(response: Response): Promise<TenancyError> {
    if (response.status === 304) return new NotModified(response.headers);
    const body = await response.text();
    const mediaType = response.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
    if (mediaType === "application/problem+json") {
      try {
        const document = JSON.parse(body) as ProblemDocument;
        if (typeof document.code === "string") {
          return new (this.problemOf(document.code))(response.status, response.headers, document);
        }
      } catch {
        // A malformed problem is not from the service.
      }
    }
    return new UnexpectedResponse(response.status, response.headers, body);
  }

  #token(request: OperationRequest): string | undefined {
    if (request.isPublic) return undefined;
    if (this.#options.credential) return this.#options.credential;
    if (this.#session.failure) throw this.#session.failure;
    return this.tokens?.accessToken;
  }

  #mayRenew(request: OperationRequest, error: TenancyError): boolean {
    const hasSession = !request.isPublic && !this.#options.credential && this.tokens !== undefined;
    return hasSession && error instanceof Problem && error.status === 401 && STALE.includes(error.code);
  }

  /** Replaces the access token `stale`, unless another call has replaced it. Calls share one renewal. */
  async #renew(stale: string | undefined): Promise<void> {
    const session = this.#session;
    if (session.failure) throw session.failure;
    if (!session.renewal) {
      if (!session.tokens || session.tokens.accessToken !== stale) return;
      // The signal of a caller does not cancel it: the new refresh token would be lost.
      session.renewal = this.#renewOnce(session.tokens.refreshToken).finally(() => (session.renewal = undefined));
    }
    await session.renewal;
  }

  async #renewOnce(refreshToken: string): Promise<void> {
    try {
      const { document } = await this.#send(renewal(refreshToken), {}, readJson);
      await this.#session.adopt(document as components["schemas"]["SignedIn"]);
    } catch (error) {
      if (error instanceof Problem && [400, 401, 403, 404, 422].includes(error.status)) this.#session.failure = error;
      throw error;
    }
  }
}

/** Returns the JSON of a success, or undefined if it has no body. */
async function readJson({ response }: Success): Promise<{ document: unknown }> {
  const body = await response.text();
  if (body === "") return { document: undefined };
  try {
    return { document: JSON.parse(body) as unknown };
  } catch {
    throw new UnexpectedResponse(response.status, response.headers, body);
  }
}

function reason(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}

function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", cancel);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", cancel, { once: true });
  });
}
