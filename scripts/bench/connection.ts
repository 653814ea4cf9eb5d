import { createConnection, type Socket } from "node:net";

/** One answer. `text` is its beginning, enough to see an error in; times are milliseconds from the request's first byte. */
export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly text: string;
  readonly bodyBytes: number;
  readonly ms: number;
  /** Until the first event with a message in it; null where the answer is no stream. */
  readonly firstEventMs: number | null;
}

const keptBytes = 4_096;
const endOfHead = Buffer.from("\r\n\r\n");
const startOfEvent = Buffer.from("data: {");

/**
 * One HTTP/1.1 connection that is kept, one exchange at a time. node:http takes a core's share from what is measured on the
 * same machine; this reads the framing and no more. Bodies are framed by Content-Length or as chunks (RFC 9112 §6).
 */
export class Connection {
  readonly #socket: Socket;
  #reader: Reader | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the connection was closed before its answer was whole")));
  }

  static open(url: URL): Promise<Connection> {
    const socket = createConnection(Number(url.port), url.hostname);
    return new Promise((done, failed) => {
      socket.once("error", failed);
      socket.once("connect", () => done(new Connection(socket)));
    });
  }

  exchange(request: Buffer): Promise<Answer> {
    return new Promise((done, failed) => {
      this.#reader = new Reader(done, failed);
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(bytes: Buffer): void {
    if (this.#reader?.take(bytes)) this.#reader = null;
  }

  #fail(error: Error): void {
    this.#reader?.failed(error);
    this.#reader = null;
  }
}

/** Reads one answer off a connection as it arrives. */
class Reader {
  readonly #done: (answer: Answer) => void;
  readonly failed: (error: Error) => void;
  readonly #startMs = performance.now();
  #head = "";
  #pending = Buffer.alloc(0);
  #body: Chunks | Counted | null = null;
  #streamed = false;
  #text = "";
  #firstEventMs: number | null = null;

  constructor(done: (answer: Answer) => void, failed: (error: Error) => void) {
    this.#done = done;
    this.failed = failed;
  }

  /** Whether the answer is whole with these bytes; it has then been handed on. */
  take(bytes: Buffer): boolean {
    const body = this.#body ? bytes : this.#readHead(bytes);
    if (!body || !this.#body) return false;
    if (this.#text.length < keptBytes) this.#text += body.toString("latin1", 0, keptBytes);
    if (this.#streamed && this.#firstEventMs === null && body.includes(startOfEvent)) {
      this.#firstEventMs = performance.now() - this.#startMs;
    }
    if (!this.#body.take(body)) return false;
    this.#done({
      status: Number(this.#head.slice(9, 12)),
      head: this.#head,
      text: this.#text,
      bodyBytes: this.#body.bytes,
      ms: performance.now() - this.#startMs,
      firstEventMs: this.#firstEventMs,
    });
    return true;
  }

  /** What of the bytes is the body; null while the head has not ended. */
  #readHead(bytes: Buffer): Buffer | null {
    this.#pending = this.#pending.length > 0 ? Buffer.concat([this.#pending, bytes]) : bytes;
    const end = this.#pending.indexOf(endOfHead);
    if (end < 0) return null;
    this.#head = this.#pending.toString("latin1", 0, end);
    this.#streamed = /\r\ncontent-type: text\/event-stream/i.test(this.#head);
    const length = /\r\ncontent-length: *(\d+)/i.exec(this.#head)?.[1];
    const chunked = /\r\ntransfer-encoding: *chunked/i.test(this.#head);
    this.#body = chunked ? new Chunks() : new Counted(Number(length ?? 0));
    return this.#pending.subarray(end + endOfHead.length);
  }
}

class Counted {
  bytes = 0;
  readonly #length: number;

  constructor(length: number) {
    this.#length = length;
  }

  take(body: Buffer): boolean {
    this.bytes += body.length;
    return this.bytes >= this.#length;
  }
}

const newline = 10;

class Chunks {
  bytes = 0;
  /** Of the chunk that is being read, with the two bytes that end it. */
  #left = 0;
  #line = "";
  #last = false;

  take(body: Buffer): boolean {
    let at = 0;
    while (at < body.length) {
      if (this.#left === 0) {
        at = this.#readLine(body, at);
        continue;
      }
      const taken = Math.min(this.#left, body.length - at);
      this.#left -= taken;
      at += taken;
    }
    return this.#last && this.#left === 0;
  }

  /** A chunk's size, whole or in part. The last one is empty, and the two bytes that end it end the body (no trailers). */
  #readLine(body: Buffer, at: number): number {
    const end = body.indexOf(newline, at);
    this.#line += body.toString("latin1", at, end < 0 ? body.length : end);
    if (end < 0) return body.length;
    const size = Number.parseInt(this.#line, 16);
    this.#line = "";
    this.bytes += size;
    this.#last = size === 0;
    this.#left = size + 2;
    return end + 1;
  }
}
