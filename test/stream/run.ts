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
const goneMs = 1_000;
const together = 10;

/** What came of a script. */
interface Ran {
  readonly script: Script;
  readonly broken: readonly string[];
  readonly decision: string;
}

/** A gateway in a hurry, and a server behind it that follows the scripts. */
export class Streams {
  readonly gateway: Gateway;
  readonly team: Team;
  readonly #faulty: Faulty;
  readonly #refusing: Faulty;
  readonly #dir: string;
  readonly #calls = new Map<string, Wire>();
  #count = 0;

  private constructor(gateway: Gateway, team: Team, faulty: Faulty, refusing: Faulty, dir: string) {
    this.gateway = gateway;
    this.team = team;
    this.#faulty = faulty;
    this.#refusing = refusing;
    this.#dir = dir;
  }

  static async start(): Promise<Streams> {
    const dir = mkdtempSync(join(tmpdir(), "portcullis-stream-"));
    const play = (wire: Wire, heard: Heard) => streams.#play(wire, heard);
    const [faulty, refusing] = await Promise.all([Faulty.start(play), Faulty.start(play)]);
    const team = new Team(scripts.map((_, i) => [`s${i}`, (i === 0 ? refusing : faulty).url(`s${i}`)]));
    const entry = join(import.meta.dirname, "worker.ts");
    const gateway = new Gateway(dir, await freePort(undefined), team, entry, { HASTE: String(haste) });
    const streams = new Streams(gateway, team, faulty, refusing, dir);
    await gateway.begin();
    // Whoever comes first waits until all is loaded.
    for (const seed of [0, 1]) await streams.#call(1, seed, {});
    return streams;
  }

  async stop(): Promise<void> {
    await this.gateway.kill();
    this.#faulty.close();
    this.#refusing.close();
    rmSync(this.#dir, { recursive: true, force: true });
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
    if (index === 0) this.#refusing.close();
    const came = await this.#call(index, seed, { call, seed });
    if (index === 0) await this.#refusing.open();
    const tookMs = Date.now() - startMs;
    const broken = misread(script, came, this.#calls.get(call)?.body ?? []);
    if (tookMs > (script.withinS * 1_000) / haste + slackMs) broken.push(`took ${tookMs} ms`);
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
    const grant = this.team.snapshots[seed % 2];
    if (!grant) throw new Error("a team without grants");
    const url = `${this.gateway.url}/mcp/${this.team.slug}/s${index}`;
    return post(url, await this.team.token(grant, this.gateway.url), args);
  }

  async #play(wire: Wire, heard: Heard): Promise<void> {
    const { call, seed } = heard.arguments;
    const script = scripts[Number(heard.name.slice(1))];
    if (!script || typeof seed !== "number") return playWell({ wire, heard });
    this.#calls.set(String(call), wire);
    const seconds = (count: number) =>
      Promise.race([new Promise<void>((done) => setTimeout(done, (count * 1_000) / haste)), wire.closed]);
    await script.play({ wire, heard, luck: seeded(seed), seconds });
  }
}

/** Calls the tool, and takes all that comes until it is over. */
function post(url: string, token: string, args: object): Promise<Came> {
  const headers = {
    Authorization: `Bearer ${token}`,
    "Content-Type": "application/json",
    Accept: "application/json, text/event-stream",
  };
  const message = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: tool, arguments: args } };
  return new Promise((done, failed) => {
    const sent = request(url, { method: "POST", agent: false, headers }, (answer: IncomingMessage) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", () => undefined);
      answer.on("close", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        done({ status: answer.statusCode ?? 0, headers: answer.headers, text, complete: answer.complete });
      });
    });
    sent.on("error", failed);
    sent.end(JSON.stringify(message));
  });
}
