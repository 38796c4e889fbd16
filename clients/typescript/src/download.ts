// Responses whose body is read as a stream.
import type { Deadline } from "./deadline.js";
import { ConnectionFailed, type TenancyError } from "./errors.js";

/** A body that is being received. Read it completely, or call `cancel`. */
export class Download implements AsyncIterable<Uint8Array> {
  /** The status: 200, or 206 for a part. */
  readonly status: number;
  readonly headers: Headers;
  readonly #response: Response;
  readonly #deadline: Deadline;
  readonly #failure: (error: unknown) => TenancyError;

  /** @internal */
  constructor(response: Response, deadline: Deadline, failure: (error: unknown) => TenancyError) {
    this.status = response.status;
    this.headers = response.headers;
    this.#response = response;
    this.#deadline = deadline;
    this.#failure = failure;
  }

  /** The entity tag, for `ifMatch` and `ifNoneMatch`. */
  get etag(): string | null {
    return this.headers.get("etag");
  }

  /** The number of bytes, if the service has announced it. */
  get size(): number | undefined {
    const length = this.headers.get("content-length");
    return length === null ? undefined : Number(length);
  }

  /** Receives the body piece by piece. Throws `ConnectionFailed` if it ends early. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    let received = 0;
    try {
      for await (const piece of (this.#response.body ?? []) as AsyncIterable<Uint8Array>) {
        // The time that the caller needs for a piece does not count.
        this.#deadline.pause();
        received += piece.length;
        yield piece;
        this.#deadline.restart();
      }
    } catch (error) {
      throw this.#failure(error);
    } finally {
      this.#deadline.end();
    }
    if (this.size !== undefined && received !== this.size) throw new ConnectionFailed("The body ended early.");
  }

  /** Receives the whole body. */
  async bytes(): Promise<Uint8Array> {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for await (const piece of this) pieces.push(piece as Uint8Array<ArrayBuffer>);
    return new Uint8Array(await new Blob(pieces).arrayBuffer());
  }

  /** Receives the whole body as text. */
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  /** Ends the connection without reading the rest. */
  async cancel(): Promise<void> {
    this.#deadline.end();
    await this.#response.body?.cancel();
  }
}
