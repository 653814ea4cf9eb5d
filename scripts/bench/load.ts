import { bodyOf, type Scenario } from "./calls.ts";
import { type Answer, Connection } from "./connection.ts";
import { quantiles } from "./median.ts";

/** What one round measured: calls a second, and milliseconds that half and 99 of 100 calls stayed under. */
export interface Round {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Half of the streams had sent their first event by then; null where the answers are no streams. */
  readonly firstEventP50: number | null;
}

/** Where calls go. `sessions` is for a server that wants every client to initialize first. */
export interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly sessions: boolean;
}

/** Calls as fast as answers come, for `ms`, by clients that are connected before the clock starts. Throws at any answer but a good one. */
export const loadFor = (target: Target, scenario: Scenario, ms: number): Promise<Round> =>
  load(target, scenario, (_, elapsedMs) => elapsedMs >= ms);

/** The same, for so many calls. */
export const loadOf = (target: Target, scenario: Scenario, calls: number): Promise<Round> =>
  load(target, scenario, (begun) => begun >= calls);

async function load(
  target: Target,
  scenario: Scenario,
  enough: (begun: number, elapsedMs: number) => boolean,
): Promise<Round> {
  const clients = await Promise.all(Array.from({ length: scenario.clients }, () => Client.open(target)));
  const body = bodyOf(scenario);
  const answers: Answer[] = [];
  const startMs = performance.now();
  let begun = 0;
  const keepCalling = async (client: Client): Promise<void> => {
    const request = client.request("POST", body);
    while (!enough(begun, performance.now() - startMs)) {
      begun++;
      answers.push(await client.call(request, scenario));
    }
  };
  await Promise.all(clients.map(keepCalling));
  const seconds = (performance.now() - startMs) / 1_000;
  await Promise.all(clients.map((client) => client.close()));
  const took = quantiles(answers.map(({ ms }) => ms));
  const first = quantiles(answers.flatMap(({ firstEventMs }) => firstEventMs ?? []));
  return {
    perSecond: answers.length / seconds,
    p50: took(0.5),
    p99: took(0.99),
    firstEventP50: scenario.stream ? first(0.5) : null,
  };
}

const protocolVersion = "2025-11-25";
const sessionHeader = /\r\nmcp-session-id: *(\S+)/i;

class Client {
  readonly #connection: Connection;
  readonly #target: Target;
  #session: string | null = null;

  private constructor(connection: Connection, target: Target) {
    this.#connection = connection;
    this.#target = target;
  }

  static async open(target: Target): Promise<Client> {
    const client = new Client(await Connection.open(new URL(target.url)), target);
    if (target.sessions) await client.#initialize();
    return client;
  }

  async #initialize(): Promise<void> {
    const params = { protocolVersion, capabilities: {}, clientInfo: { name: "bench", version: "1" } };
    const asked = JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params });
    const answer = await this.#connection.exchange(this.request("POST", asked));
    if (answer.status !== 200) throw new Error(`${this.#target.url} took no initialize: ${answer.text}`);
    this.#session = sessionHeader.exec(answer.head)?.[1] ?? null;
    const told = JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" });
    await this.#connection.exchange(this.request("POST", told));
  }

  request(method: "POST" | "DELETE", body: string): Buffer {
    const url = new URL(this.#target.url);
    const headers = {
      Host: url.host,
      "Content-Type": "application/json",
      Accept: "application/json, text/event-stream",
      "MCP-Protocol-Version": protocolVersion,
      "Content-Length": Buffer.byteLength(body),
      ...this.#target.headers,
      ...(this.#session && { "Mcp-Session-Id": this.#session }),
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return Buffer.from(`${method} ${url.pathname} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
  }

  async call(request: Buffer, { answerBytes }: Scenario): Promise<Answer> {
    const answer = await this.#connection.exchange(request);
    const good = answer.status === 200 && !/"isError":true|"error":/.test(answer.text);
    if (good && (answer.bodyBytes >= answerBytes || this.#target.sessions)) return answer;
    throw new Error(`${this.#target.url} answered ${answer.status}: ${answer.text.slice(0, 300)}`);
  }

  async close(): Promise<void> {
    if (this.#session) await this.#connection.exchange(this.request("DELETE", ""));
    this.#connection.close();
  }
}
