import { Agent, request } from "node:http";

/** What one round measured: calls a second, and milliseconds that half and 99 of 100 calls stayed under. */
export interface Round {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

export interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Calls as fast as answers come, with `clients` at once over kept connections, for `ms`. Throws at any answer but a 200. */
export async function load(target: Target, clients: number, ms: number): Promise<Round> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const took: number[] = [];
  const startMs = performance.now();
  const client = async (): Promise<void> => {
    while (performance.now() - startMs < ms) took.push(await call(target, agent));
  };
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - startMs) / 1_000;
  agent.destroy();
  took.sort((a, b) => a - b);
  const at = (share: number): number => took[Math.floor(took.length * share)] ?? Number.NaN;
  return { perSecond: took.length / seconds, p50: at(0.5), p99: at(0.99) };
}

function call({ url, headers, body }: Target, agent: Agent): Promise<number> {
  const startMs = performance.now();
  return new Promise((done, failed) => {
    const sent = request(url, { method: "POST", agent, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => {
        text += chunk;
      });
      answer.on("end", () => {
        if (answer.statusCode === 200 && !text.includes('"isError":true')) done(performance.now() - startMs);
        else failed(new Error(`${url} answered ${answer.statusCode}: ${text.slice(0, 300)}`));
      });
    });
    sent.on("error", failed);
    sent.end(body);
  });
}

/** The value in the middle. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
