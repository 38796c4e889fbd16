// Contents of uploads. A repetition needs a content that can be read again.

/** Bytes, text, a file (`fs.openAsBlob`), a stream, or a function that opens a stream for each attempt. */
export type Content =
  | Uint8Array
  | string
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | (() => AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>);

/** Whether another attempt can read the content again. */
export function isRepeatable(content: Content | undefined): boolean {
  const isStream = typeof content === "object" && !(content instanceof Uint8Array) && !(content instanceof Blob);
  return !isStream;
}

/** Returns the body of an attempt. `onProgress` is called for each piece of a stream. */
export function bodyOf(content: Content, onProgress: () => void): BodyInit {
  if (content instanceof Uint8Array || typeof content === "string") return content as BodyInit;
  if (content instanceof Blob) return content;
  const opened = typeof content === "function" ? content() : content;
  const pieces = (opened as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pieces.next();
      onProgress();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await pieces.return?.();
    },
  });
}
