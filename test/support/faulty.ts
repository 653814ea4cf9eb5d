import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** What was asked, as far as a script needs it. */
export interface Heard {
  readonly verb: string;
  /** The session that was named, or null. */
  readonly session: string | null;
  /** The JSON text of the request's id; empty where it has none. */
  readonly id: string;
  readonly method: string;
  /** The path's last part. */
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

export type Play = (wire: Wire, heard: Heard) => unknown;

/** One connection to the gateway, byte by byte: whatever a server could write, and when. */
export class Wire {
  /** Resolves when the connection is over, whoever ended it. */
  readonly closed: Promise<void>;
  /** What was written as the body, before it was framed. */
  readonly body: Buffer[] = [];
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = new Promise((done) => socket.once("close", () => done()));
  }

  get open(): boolean {
    return this.#socket.writable;
  }

  /** Bytes as they are; resolves when they have left. */
  async raw(bytes: string | Uint8Array): Promise<void> {
    if (!this.open) return;
    const left = new Promise<void>((done) => this.#socket.write(bytes, () => done()));
    await Promise.race([left, this.closed]);
  }

  head(status: string, headers: Readonly<Record<string, string | number>>): Promise<void> {
    const lines = Object.entries({ Connection: "close", ...headers }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    return this.raw(`HTTP/1.1 ${status}\r\n${lines.join("\r\n")}\r\n\r\n`);
  }

  /** The head of an answer whose body comes in chunks (RFC 9112 §7.1). */
  begin(type: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    return this.head("200 OK", { "Content-Type": type, "Transfer-Encoding": "chunked", ...headers });
  }

  async chunk(bytes: string | Uint8Array): Promise<void> {
    const data = Buffer.from(bytes as Uint8Array);
    this.body.push(data);
    await this.raw(
      Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from("\r\n")]),
    );
  }

  /** The last chunk: the body ends as it should. */
  async end(): Promise<void> {
    await this.raw("0\r\n\r\n");
    this.#socket.end();
  }

  /** An answer whose length is said. */
  async answer(
    status: string,
    headers: Readonly<Record<string, string>>,
    body: string | Uint8Array,
  ): Promise<void> {
    const data = Buffer.from(body as Uint8Array);
    this.body.push(data);
    await this.head(status, { ...headers, "Content-Length": data.length });
    await this.raw(data);
    this.#socket.end();
  }

  /** Ends the connection, as if all were well. */
  leave(): void {
    this.#socket.end();
  }

  /** Breaks the connection with a TCP reset. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }
}

/** A server that says anything at all, on 127.0.0.1. */
export class Faulty {
  readonly #server: Server;
  readonly #play: Play;
  #port = 0;

  private constructor(play: Play) {
    this.#play = play;
    this.#server = createServer((socket) => this.#hear(socket));
  }

  static async start(play: Play): Promise<Faulty> {
    const faulty = new Faulty(play);
    await faulty.open();
    return faulty;
  }

  url(name: string): string {
    return `http://127.0.0.1:${this.#port}/${name}`;
  }

  /** Listens, again on the same port where it has listened before. */
  async open(): Promise<void> {
    await new Promise<void>((done) => this.#server.listen(this.#port, "127.0.0.1", done));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Refuses connections from now on; those that are open stay. */
  close(): void {
    this.#server.close();
  }

  #hear(socket: Socket): void {
    const wire = new Wire(socket);
    let heard = Buffer.alloc(0);
    let played = false;
    // A connection that breaks is what many a script is about.
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      if (played) return;
      heard = Buffer.concat([heard, bytes]);
      const request = requestIn(heard);
      if (!request) return;
      played = true;
      void this.#play(wire, request);
    });
  }
}

/** The request, once it is there as a whole; the gateway says how long its bodies are. */
function requestIn(bytes: Buffer): Heard | null {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const head = bytes.subarray(0, end).toString("latin1");
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  const body = bytes.subarray(end + 4);
  if (body.length < length) return null;
  const [, verb = "", name = ""] = /^(\S+) \S*?([^/\s]*) /.exec(head) ?? [];
  const session = /^mcp-session-id: *(.*)$/im.exec(head)?.[1] ?? null;
  if (length === 0) return { verb, session, id: "", method: "", name, arguments: {} };
  const message = JSON.parse(body.toString("utf8"));
  const id = message.id === undefined ? "" : JSON.stringify(message.id);
  return {
    verb,
    session,
    id,
    method: message.method ?? "",
    name,
    arguments: message.params?.arguments ?? {},
  };
}
