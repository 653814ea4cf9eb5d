import { mkdtempSync, rmSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../scripts/start/ports.ts";
import { decisionParts } from "../../src/id.ts";
import { Gateway } from "../crash/gateway.ts";
import { keyOf, Record } from "../crash/record.ts";
import { seeded } from "../gate/limit_world.ts";
import { Faulty, type Heard, type Wire } from "../support/faulty.ts";
import { type Came, misread } from "./reading.ts";
import { playWell, type Script, scripts } from "./scripts.ts";
import { Team, tool } from "./team.ts";

/** How many times as fast a stream's deadlines and heart-beats pass. */
export const haste = 30;
// For a busy machine, and the gateway's own second until it has told the end.
const slackMs = 4_000;
// A request's deadlines share a timer that is set for the gate's first, whose time is not in a hurry (worker.ts).
const gateMs = 10_000;
const goneMs = 1_000;
const together = 10;

/** What came of a script. */
interface Ran {
  readonly script: Script;
  readonly broken: readonly string[];
  readonly decision: string;
}

/** What an upstream plays, and whether nobody can reach it meanwhile. */
type Played = Pick<Script, "play" | "closed">;

/** A gateway in a hurry, and a server behind it that follows scripts. */
export class Streams {
  readonly gateway: Gateway;
  readonly team: Team;
  readonly #played: readonly Played[];
  readonly #faulty: Faulty;
  readonly #refusing: Faulty;
  readonly #dir: string;
  readonly #calls = new Map<string, Wire>();
  #count = 0;

  private constructor(
    gateway: Gateway,
    team: Team,
    played: readonly Played[],
    [faulty, refusing]: readonly [Faulty, Faulty],
    dir: string,
  ) {
    this.gateway = gateway;
    this.team = team;
    this.#played = played;
    this.#faulty = faulty;
    this.#refusing = refusing;
    this.#dir = dir;
  }

  static async start(played: readonly Played[]): Promise<Streams> {
    const dir = mkdtempSync(join(tmpdir(), "portcullis-stream-"));
    const play = (wire: Wire, heard: Heard) => streams.#play(wire, heard);
    const [faulty, refusing] = await Promise.all([Faulty.start(play), Faulty.start(play)]);
    const team = new Team(
      played.map(({ closed }, i) => [`s${i}`, (closed ? refusing : faulty).url(`s${i}`)]),
    );
    const entry = join(import.meta.dirname, "worker.ts");
    const gateway = new Gateway(dir, await freePort(undefined), team, entry, { HASTE: String(haste) });
    const streams = new Streams(gateway, team, played, [faulty, refusing], dir);
    await gateway.begin();
    // Whoever comes first waits until all is loaded.
    for (const seed of [0, 1]) await streams.#call(0, seed, {});
    return streams;
  }

  async stop(): Promise<void> {
    await this.gateway.kill();
    this.#faulty.close();
    this.#refusing.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** Ends the gateway, and starts it again by a clock that is so much ahead. */
  async restart(aheadMs: number): Promise<void> {
    await this.gateway.kill();
    this.gateway.spawn(aheadMs);
    await this.gateway.answers();
  }

  /** Plays every script once; answers with what went wrong, by the script's name. */
  async play(seed: number): Promise<string[]> {
    const queue = scripts
      .map((script, i) => ({ script, i }))
      .sort((a, b) => b.script.withinS - a.script.withinS);
    const runs: Ran[] = [];
    const player = async (): Promise<void> => {
      for (let next = queue.shift(); next; next = queue.shift())
        runs.push(await this.#run(next.script, next.i, seed + next.i));
    };
    await Promise.all(Array.from({ length: together }, player));
    await new Promise((done) => setTimeout(done, goneMs));
    const record = new Record();
    await record.read(this.gateway, this.team.grants);
    return runs
      .flatMap(({ script, broken, decision }) => {
        const place = decisionParts(decision);
        const outcome = place && record.outcomes.get(keyOf(place));
        const ended = outcome?.end === script.end ? [] : [`the record says ${outcome?.end}`];
        return [...broken, ...ended].map((one) => `${script.name}: ${one}`);
      })
      .concat(record.changed);
  }

  async #run(script: Script, index: number, seed: number): Promise<Ran> {
    const call = String(++this.#count);
    const startMs = Date.now();
    if (script.closed) this.#refusing.close();
    const came = await this.#call(index, seed, { call, seed });
    if (script.closed) await this.#refusing.open();
    const tookMs = Date.now() - startMs;
    const broken = misread(script, came, this.#calls.get(call)?.body ?? []);
    if (tookMs > (script.withinS * 1_000) / haste + gateMs + slackMs) broken.push(`took ${tookMs} ms`);
    if (await this.#stays(call)) broken.push("the connection to the upstream stays open");
    // Five failures in a row would keep the server from being asked at all.
    const well = await this.#call(index, seed, { call });
    if (well.status !== 200) broken.push(`and then, all being well, ${well.status} ${well.text}`);
    return { script, broken, decision: String(came.headers["portcullis-decision"] ?? "") };
  }

  async #stays(call: string): Promise<boolean> {
    const late = new Promise<boolean>((done) => setTimeout(done, goneMs + slackMs, true));
    return Promise.race([late, this.#calls.get(call)?.closed.then(() => false) ?? false]);
  }

  /** A call by one of the grants; luck says which. */
  async #call(index: number, seed: number, args: object): Promise<Came> {
    return whole((await this.#send(index, seed, "POST", args)).answer);
  }

  /** A request whose client does with the answer what it likes: a call, or a GET that listens. */
  async open(index: number, seed: number, method: "POST" | "GET" = "POST"): Promise<Opened> {
    const call = method === "GET" ? `s${index}` : String(++this.#count);
    const { sent, answer } = await this.#send(index, seed, method, { call, seed });
    // It may never come; who waits for it knows.
    answer.catch(() => undefined);
    return {
      answer,
      leave: () => sent.destroy(),
      reset: () => sent.socket?.resetAndDestroy(),
      wire: () => this.#calls.get(call),
    };
  }

  async #send(index: number, seed: number, method: "POST" | "GET", args: object) {
    const grant = this.team.snapshots[seed % 2];
    if (!grant) throw new Error("a team without grants");
    const headers = {
      Authorization: `Bearer ${await this.team.token(grant, this.gateway.url)}`,
      "Content-Type": "application/json",
      Accept: method === "GET" ? "text/event-stream" : "application/json, text/event-stream",
    };
    const message = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: tool, arguments: args } };
    const url = `${this.gateway.url}/mcp/${this.team.slug}/s${index}`;
    const sent = request(url, { method, agent: false, headers });
    const answer = new Promise<IncomingMessage>((done, failed) => {
      sent.once("response", done);
      sent.on("error", failed);
    });
    sent.end(method === "GET" ? undefined : JSON.stringify(message));
    return { sent, answer };
  }

  async #play(wire: Wire, heard: Heard): Promise<void> {
    const { call = heard.name, seed } = heard.arguments;
    const played = this.#played[Number(heard.name.slice(1))];
    if (!played || (heard.method !== "" && typeof seed !== "number")) return playWell({ wire, heard });
    this.#calls.set(String(call), wire);
    const seconds = (count: number) =>
      Promise.race([new Promise<void>((done) => setTimeout(done, (count * 1_000) / haste)), wire.closed]);
    await played.play({ wire, heard, luck: seeded(Number(seed ?? 0)), seconds });
  }
}

/** A request under way. `wire` is its upstream's end, once it is there. */
export interface Opened {
  readonly answer: Promise<IncomingMessage>;
  readonly leave: () => void;
  /** Leaves with a TCP reset. */
  readonly reset: () => void;
  readonly wire: () => Wire | undefined;
}

/** All that comes until it is over. */
export async function whole(awaited: Promise<IncomingMessage>): Promise<Came> {
  const answer = await awaited;
  const chunks: Buffer[] = [];
  answer.on("data", (chunk: Buffer) => chunks.push(chunk));
  answer.on("error", () => undefined);
  await new Promise((done) => answer.once("close", done));
  const { statusCode: status = 0, headers, complete } = answer;
  return { status, headers, text: Buffer.concat(chunks).toString("utf8"), complete };
}
