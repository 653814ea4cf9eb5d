import type { EventStore, JSONRPCMessage } from "@modelcontextprotocol/server";

interface Kept {
  readonly stream: string;
  readonly id: string;
  readonly message: JSONRPCMessage;
}

/** Everything that was sent on one session's streams, for a client that comes back with `Last-Event-ID`. */
export class MemoryEvents implements EventStore {
  readonly #kept: Kept[] = [];

  async storeEvent(stream: string, message: JSONRPCMessage): Promise<string> {
    const id = `${stream}_${this.#kept.length}`;
    this.#kept.push({ stream, id, message });
    return id;
  }

  async getStreamIdForEventId(id: string): Promise<string | undefined> {
    return this.#kept.find((kept) => kept.id === id)?.stream;
  }

  async replayEventsAfter(
    id: string,
    { send }: { send: (id: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const at = this.#kept.findIndex((kept) => kept.id === id);
    const stream = this.#kept[at]?.stream ?? "";
    for (const kept of this.#kept.slice(at + 1)) {
      // A priming event is stored as an empty message.
      if (kept.stream === stream && "jsonrpc" in kept.message) await send(kept.id, kept.message);
    }
    return stream;
  }
}
