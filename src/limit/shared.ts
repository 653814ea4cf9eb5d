import { DurableObject } from "cloudflare:workers";
import type { GrantId } from "../id.ts";
import { Counter, type CounterEntry, type CounterState, type HoldsByGate } from "./counter.ts";
import { askAfterMs, type CounterStub, type Notice, type Reservation, type Reserved } from "./reservation.ts";
import { believedEnds } from "./reserved.ts";
import type { Cap } from "./window.ts";
import { wallClock } from "./zone.ts";

const schema = `
  CREATE TABLE IF NOT EXISTS entry (slot INTEGER PRIMARY KEY, n INTEGER NOT NULL, body TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS folded (id INTEGER PRIMARY KEY CHECK (id = 1), n INTEGER NOT NULL, body TEXT NOT NULL);
`;
// Entries go round in so many rows: overwriting costs one row written, deleting would cost another.
const slots = 512;

/** What a shared counter needs from outside itself; `worker/objects.ts` fills it in. */
export interface SharedDeps {
  /** What became of reservations, from the gate that holds them; throws where it cannot be asked. */
  readonly ask: (gate: GrantId, ids: readonly string[]) => Promise<readonly Notice[]>;
  readonly now: () => number;
}

/** The one count of a limit whose scope is wider than a grant: one object per counter of scope, layer and subject. */
export class Shared extends DurableObject<unknown> implements CounterStub {
  readonly #deps: SharedDeps;
  readonly #sql: SqlStorage;
  #counter: Counter;
  #n = 0;
  #foldedN = 0;
  #alarmAtMs: number | null = null;
  #recalling: Promise<void> | null = null;

  constructor(ctx: DurableObjectState, env: unknown, deps: SharedDeps) {
    super(ctx, env);
    this.#deps = { ...deps, ask: async (gate, ids) => believedEnds(ids, await deps.ask(gate, ids)) };
    this.#sql = ctx.storage.sql;
    this.#sql.exec(schema);
    this.#counter = this.#load();
  }

  /**
   * Takes in the notices, then grants the reservation if every cap has room for it; both in one row. Nobody is refused for
   * what another gate has leased and not used: its gate is asked to end the lease first.
   */
  async reserve(reservation: Reservation, notices: readonly Notice[]): Promise<Reserved> {
    const { reserved, leases } = this.#reserve(reservation, notices);
    if (leases.size === 0) return reserved;
    this.#recalling ??= this.#recall(leases).finally(() => {
      this.#recalling = null;
    });
    await this.#recalling;
    const again = this.#reserve(reservation, []);
    if (again.blocked) throw new Error("a lease is in the way, and its gate does not end it");
    return again.reserved;
  }

  #reserve(reservation: Reservation, notices: readonly Notice[]): ReturnType<Counter["reserve"]> {
    const tried = this.#counter.reserve(reservation, notices, this.#deps.now());
    if (tried.entry) this.#write(tried.entry);
    return tried;
  }

  /** Has gates end their leases; one that cannot be asked keeps its own, because it may yet use it. */
  async #recall(leases: HoldsByGate): Promise<void> {
    const asked = await Promise.allSettled([...leases].map(([gate, ids]) => this.#deps.ask(gate, ids)));
    await this.tell(asked.flatMap((one) => (one.status === "fulfilled" ? one.value : [])));
  }

  /** Takes in what became of reservations. */
  async tell(notices: readonly Notice[]): Promise<void> {
    if (notices.length === 0) return;
    const entry = { atMs: this.#nowMs(), epoch: 0, zone: null, notices, hold: null };
    this.#counter.apply(entry);
    this.#write(entry);
  }

  /** How full the windows are; takes nothing. */
  async read(caps: readonly Cap[], zone: string): Promise<Reserved> {
    return this.#counter.read(caps, zone, this.#deps.now());
  }

  /** Asks the gates of reservations that nobody has told the end of. */
  override async alarm(): Promise<void> {
    this.#alarmAtMs = null;
    const overdue = this.#counter.overdue(this.#nowMs() - askAfterMs);
    const answers = await Promise.all([...overdue].map(([gate, ids]) => this.#ask(gate, ids)));
    await this.tell(answers.flat());
    this.#wake();
  }

  async #ask(gate: GrantId, ids: readonly string[]): Promise<readonly Notice[]> {
    try {
      return await this.#deps.ask(gate, ids);
    } catch (error) {
      console.error("a gate cannot be asked what it used", { gate, error });
      return ids.map((id) => ({ id, end: "assumed" }));
    }
  }

  #nowMs(): number {
    return this.#counter.nowMs(this.#deps.now());
  }

  #write(entry: CounterEntry): void {
    try {
      this.#n++;
      const slot = this.#n % slots;
      this.#sql.exec(
        "INSERT OR REPLACE INTO entry (slot, n, body) VALUES (?1, ?2, ?3)",
        slot,
        this.#n,
        write(entry),
      );
      if (this.#n - this.#foldedN >= slots) this.#fold();
    } catch (error) {
      // What could not be written must not be counted on.
      this.#counter = this.#load();
      throw error;
    }
    this.#wake();
  }

  #fold(): void {
    const body = write(this.#counter.state());
    this.#sql.exec("INSERT OR REPLACE INTO folded (id, n, body) VALUES (1, ?1, ?2)", this.#n, body);
    this.#foldedN = this.#n;
  }

  #load(): Counter {
    const folded = this.#sql.exec<{ n: number; body: string }>("SELECT n, body FROM folded").toArray()[0];
    this.#foldedN = folded?.n ?? 0;
    this.#n = this.#foldedN;
    const counter = new Counter(wallClock, folded ? (read(folded.body) as CounterState) : null);
    const rows = this.#sql.exec<{ n: number; body: string }>(
      "SELECT n, body FROM entry WHERE n > ?1 ORDER BY n",
      this.#foldedN,
    );
    for (const row of rows) {
      counter.apply(read(row.body) as CounterEntry);
      this.#n = row.n;
    }
    return counter;
  }

  #wake(): void {
    const oldestMs = this.#counter.oldestHoldMs;
    if (oldestMs === null || this.#alarmAtMs !== null) return;
    this.#alarmAtMs = Math.max(oldestMs + askAfterMs, this.#deps.now() + 1_000);
    // Not awaited: the output gate holds every answer until this write is durable too.
    void this.ctx.storage.setAlarm(this.#alarmAtMs);
  }
}

const write = (value: CounterEntry | CounterState): string =>
  JSON.stringify(value, (_, member) => (typeof member === "bigint" ? String(member) : member));

const read = (text: string): unknown =>
  JSON.parse(text, (key, member) => (key === "amount" || key === "max" ? BigInt(member) : member));
