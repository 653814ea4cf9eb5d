import type { GrantId } from "../../src/id.ts";
import type { Agents } from "./agents.ts";
import type { Gateway, Usage } from "./gateway.ts";
import type { Record } from "./record.ts";
import type { Limit, Team } from "./team.ts";

const hourMs = 3_600_000;
// A shared counter asks after the reservations that died with their gate five seconds later.
const askedAfterMs = 7_000;

/**
 * What the gates say of their counts, under load and after every restart. Only the hours are looked at, in which the whole
 * run lies, so what is counted there can never become less than what was let through before it was asked for.
 */
export class Counts {
  readonly broken: string[] = [];
  readonly #gateway: Gateway;
  readonly #team: Team;
  readonly #agents: Agents;
  readonly #most = new Map<string, number>();
  readonly #last = new Map<string, number>();
  readonly #heard = new Map<string, number>();
  #heardTo = 0;

  constructor(gateway: Gateway, team: Team, agents: Agents) {
    this.#gateway = gateway;
    this.#team = team;
    this.#agents = agents;
  }

  /** Looks again and again, until `over` says so. */
  async watch(over: () => boolean): Promise<void> {
    while (!over()) {
      // It may be killed while it answers.
      await this.look().catch(() => undefined);
      await new Promise((done) => setTimeout(done, 40));
    }
  }

  /** No count may lie below what its calls' clients have heard, nor a grant's own below what it was. */
  async look(): Promise<void> {
    for (const grant of this.#team.grants) {
      this.#hear();
      const heard = new Map(this.#hours.map((limit) => [limit, this.#heardOf(grant, limit)]));
      const usage = await this.#gateway.usage(grant);
      for (const [limit, least] of heard) this.#compare(grant, limit, least, usage);
    }
  }

  /** Waits until the shared counters have heard the end of every reservation. */
  async settle(): Promise<void> {
    await new Promise((done) => setTimeout(done, askedAfterMs));
    await this.look();
  }

  /** What does not tally with the record, once all is over. */
  wrong({ decisions }: Record): string[] {
    const allowed = [...decisions.values()].filter(({ verdict }) => verdict === "allowed");
    return this.#team.grants.flatMap((grant) =>
      this.#hours.flatMap(({ tool, shared }) => {
        const rows = allowed.filter(({ target, gate }) => target.name === tool && (shared || gate === grant));
        const used = this.#last.get(`${grant} ${tool}`) ?? 0;
        // What was granted and never used counts on where the gate died with it: never too few, and seldom one more.
        const right = shared ? used >= rows.length : used === rows.length;
        return right ? [] : [`${grant} ${tool}: ${used} are counted, and ${rows.length} were allowed`];
      }),
    );
  }

  get #hours(): readonly Limit[] {
    return this.#team.limits.filter(({ windowMs }) => windowMs === hourMs);
  }

  /** Adds up the calls that were let through and answered since it was last asked. */
  #hear(): void {
    const { calls } = this.#agents;
    for (; this.#heardTo < calls.length; this.#heardTo++) {
      const call = calls[this.#heardTo];
      if (!call?.answer?.done || call.answer.refused) continue;
      const key = `${call.grant} ${call.tool}`;
      this.#heard.set(key, (this.#heard.get(key) ?? 0) + 1);
    }
  }

  #heardOf(grant: GrantId, { tool, shared }: Limit): number {
    const grants = shared ? this.#team.grants : [grant];
    return grants.reduce((sum, one) => sum + (this.#heard.get(`${one} ${tool}`) ?? 0), 0);
  }

  #compare(grant: GrantId, { tool, shared, max }: Limit, least: number, usage: readonly Usage[]): void {
    const used = usage.find((one) => one.tool === tool && one.windowMs === hourMs)?.used ?? -1;
    const key = `${grant} ${tool}`;
    this.#last.set(key, used);
    if (used < least) this.broken.push(`${key}: ${used} are counted, and ${least} have been answered`);
    if (used > max) this.broken.push(`${key}: ${used} are counted of ${max}`);
    // Room that was granted and is let go again makes a shared count fall.
    if (shared) return;
    const most = this.#most.get(key) ?? 0;
    if (used < most) this.broken.push(`${key}: stepped back from ${most} to ${used}`);
    this.#most.set(key, Math.max(most, used));
  }
}
