const HEAD_END = Buffer.from("\r\n\r\n");
const NO_BYTES: Buffer = Buffer.alloc(0);

/**
 * Finds where replies end in the bytes of one connection, with as little parsing as that takes: the status and Content-Length.
 * Chunked replies are not understood.
 */
export class ReplyCounter {
  /** Replies with another status than 200. */
  failed = 0;
  #bodyLeft = 0;
  #head = NO_BYTES;

  /** How many replies these bytes complete. @throws an Error when a reply has no Content-Length */
  take(bytes: Buffer): number {
    let completed = 0;
    let at = 0;
    while (at < bytes.length) {
      if (this.#bodyLeft === 0) {
        at = this.#takeHead(bytes, at);
        if (at < 0) return completed;
      }
      const taken = Math.min(this.#bodyLeft, bytes.length - at);
      this.#bodyLeft -= taken;
      at += taken;
      if (this.#bodyLeft === 0) completed++;
    }
    return completed;
  }

  /** Where the body starts in these bytes, or -1 when the head goes on in the next ones. */
  #takeHead(bytes: Buffer, at: number): number {
    const before = this.#head.length;
    const seen = before === 0 ? bytes.subarray(at) : Buffer.concat([this.#head, bytes.subarray(at)]);
    const end = seen.indexOf(HEAD_END);
    if (end < 0) {
      this.#head = Buffer.from(seen); // the socket's memory is used again after the callback
      return -1;
    }
    this.#head = NO_BYTES;
    const head = seen.latin1Slice(0, end);
    if (!head.startsWith("200", 9)) this.failed++;
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) throw new Error("a reply has no Content-Length");
    this.#bodyLeft = Number(length);
    return at + end + HEAD_END.length - before;
  }
}
