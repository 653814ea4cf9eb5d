import { Agent, request } from "node:http";
import type { GrantId } from "../../src/id.ts";
import { tools } from "./team.ts";

/** What a client knows of a call that it made; nothing but its id where the gateway died on it. */
export interface Call {
  readonly id: string;
  readonly tool: string;
  readonly grant: GrantId;
  readonly sentMs: number;
  readonly answer: {
    readonly decision: string | null;
    /** The answer came whole. */
    readonly done: boolean;
    readonly refused: boolean;
  } | null;
}

/** Where a grant's calls go, and as whom. */
export interface Bearer {
  readonly grant: GrantId;
  readonly token: string;
}

const clients = 16;

/** Clients that call as fast as they are answered, until the gateway is gone. */
export class Agents {
  readonly calls: Call[] = [];
  readonly #url: string;
  readonly #bearers: readonly Bearer[];
  readonly #random: () => number;

  constructor(url: string, bearers: readonly Bearer[], random: () => number) {
    this.#url = url;
    this.#bearers = bearers;
    this.#random = random;
  }

  /** Resolves when `over` says so and every call has come to its end. */
  async run(over: () => boolean): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: clients });
    const client = async (): Promise<void> => {
      while (!over()) {
        const call = await this.#call(agent);
        this.calls.push(call);
        // A gateway that is not there refuses at once, and nobody should ask it a thousand times a second.
        if (call.answer === null) await new Promise((done) => setTimeout(done, 10));
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
    agent.destroy();
  }

  #call(agent: Agent): Promise<Call> {
    const bearer = this.#bearers[Math.floor(this.#random() * this.#bearers.length)];
    const tool = tools[Math.floor(this.#random() * tools.length)] ?? "free";
    if (!bearer) throw new Error("nobody to call as");
    const id = `call-${this.calls.length}-${this.#random().toString(36).slice(2)}`;
    const call = { id, tool, grant: bearer.grant, sentMs: Date.now() };
    const message = {
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: tool, arguments: { id } },
    };
    const headers = {
      Authorization: `Bearer ${bearer.token}`,
      "Content-Type": "application/json",
      Accept: "application/json, text/event-stream",
    };
    return new Promise((done) => {
      const sent = request(this.#url, { method: "POST", agent, headers }, (answer) => {
        let text = "";
        const decision = String(answer.headers["portcullis-decision"] ?? "") || null;
        answer.setEncoding("utf8");
        answer.on("data", (chunk: string) => {
          text += chunk;
        });
        answer.on("close", () => {
          const whole = answer.complete && answer.statusCode === 200;
          const refused = text.includes('"isError":true');
          done({ ...call, answer: { decision, done: whole, refused } });
        });
        answer.on("error", () => undefined);
      });
      sent.on("error", () => done({ ...call, answer: null }));
      sent.end(JSON.stringify(message));
    });
  }
}
