import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../scripts/start/ports.ts";
import { seeded } from "../gate/limit_world.ts";
import { Agents } from "./agents.ts";
import { Counts } from "./counts.ts";
import { Gateway } from "./gateway.ts";
import { brokenAllows, brokenAnswers, brokenEnds, brokenLimits, brokenOrder } from "./promises.ts";
import { Record } from "./record.ts";
import { Team } from "./team.ts";
import { Witness } from "./witness.ts";

/** What a run came to: how much happened, and what of the promises was broken. */
export interface Report {
  readonly kills: number;
  readonly called: number;
  readonly cutOff: number;
  readonly seen: number;
  readonly decided: number;
  readonly limited: number;
  readonly unknownEnds: number;
  readonly broken: readonly string[];
}

// Most lives are short, so that recovery is killed too; some last until outcomes and the log have gone through.
const lifeMs = (luck: number): number => luck ** 2 * 2_000;
// A gate closes a call whose end nobody told after 630 s.
const orphanMs = 660_000;

/** Kills a gateway under load that often, each time at a random moment, and holds it to its promises after every restart. */
export async function killing(kills: number, seed: number): Promise<Report> {
  const dir = mkdtempSync(join(tmpdir(), "portcullis-crash-"));
  const random = seeded(seed);
  const witness = await Witness.start(seeded(seed + 1));
  const team = new Team(witness.url, kills * 8);
  const gateway = new Gateway(dir, await freePort(undefined), team);
  try {
    await gateway.begin();
    return await new Run(gateway, team, witness, await agentsOf(gateway, team, seed)).live(kills, random);
  } finally {
    await gateway.kill();
    await witness.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function agentsOf(gateway: Gateway, team: Team, seed: number): Promise<Agents> {
  const minted = team.grants.map(async (grant) => ({ grant, token: await team.token(grant, gateway.url) }));
  return new Agents(`${gateway.url}/mcp/crash/up`, await Promise.all(minted), seeded(seed + 2));
}

class Run {
  readonly #gateway: Gateway;
  readonly #team: Team;
  readonly #witness: Witness;
  readonly #agents: Agents;
  readonly #record = new Record();
  readonly #counts: Counts;
  readonly #broken: string[] = [];

  constructor(gateway: Gateway, team: Team, witness: Witness, agents: Agents) {
    this.#gateway = gateway;
    this.#team = team;
    this.#witness = witness;
    this.#agents = agents;
    this.#counts = new Counts(gateway, team, agents);
  }

  async live(kills: number, random: () => number): Promise<Report> {
    for (let kill = 1; kill <= kills && this.#broken.length === 0; kill++) {
      await this.#life(random);
      // Now and then it dies again before it has come to itself.
      if (random() < 0.2) {
        this.#gateway.spawn();
        await new Promise((done) => setTimeout(done, random() * 200));
        await this.#gateway.kill();
        kill++;
      }
      this.#gateway.spawn();
      await this.#gateway.answers();
      await this.#check();
    }
    await this.#end();
    return this.#report(kills);
  }

  /** Load, until it is killed in the middle of it. */
  async #life(random: () => number): Promise<void> {
    let over = false;
    const load = this.#agents.run(() => over);
    const counting = this.#counts.watch(() => over);
    await new Promise((done) => setTimeout(done, lifeMs(random())));
    await this.#gateway.kill();
    over = true;
    await Promise.all([load, counting]);
    await this.#witness.quiet();
  }

  async #check(): Promise<void> {
    await this.#record.read(this.#gateway, this.#team.grants);
    await this.#counts.look();
    this.#broken.push(
      ...brokenAllows(this.#witness.seen, this.#record),
      ...brokenAnswers(this.#agents.calls, this.#witness.seen, this.#record),
      ...brokenOrder(this.#record),
      ...brokenLimits(this.#record, this.#team.limits),
      ...this.#counts.broken,
    );
  }

  /** When nothing goes on any more, every call has come to its end, and the log has all of it. */
  async #end(): Promise<void> {
    await this.#counts.settle();
    await this.#gateway.kill();
    this.#gateway.spawn(orphanMs);
    await this.#gateway.answers();
    for (const grant of this.#team.grants) await this.#emptied(grant);
    await this.#check();
    // Alarms that were set by the clock that is ahead would ring when the real one has caught up.
    await this.#gateway.seal();
    const problem = await this.#gateway.verify();
    if (problem) this.#broken.push(`the log: ${JSON.stringify(problem)}`);
    this.#broken.push(...brokenEnds(this.#record), ...this.#counts.wrong(this.#record));
  }

  async #emptied(grant: Team["grants"][number]): Promise<void> {
    do await this.#gateway.ring(grant);
    while ((await this.#gateway.unshipped(grant)).length > 0);
  }

  #report(kills: number): Report {
    const rows = [...this.#record.decisions.values()];
    const ends = [...this.#record.outcomes.values()];
    return {
      kills,
      called: this.#agents.calls.length,
      cutOff: this.#agents.calls.filter(({ answer }) => !answer?.done).length,
      seen: this.#witness.seen.length,
      decided: rows.length,
      limited: rows.filter(({ verdict }) => verdict === "limited").length,
      unknownEnds: ends.filter(({ end }) => end === "unknown").length,
      broken: this.#broken.slice(0, 10),
    };
  }
}
