import { DurableObject } from "cloudflare:workers";
import type { Approval } from "../approval/approval.ts";
import type { GrantId, TeamId } from "../id.ts";
import { type Burst, Bursts } from "./burst.ts";
import type { Head } from "./chain.ts";
import type { Checkpoint, Statement } from "./checkpoint.ts";
import { listDecisions } from "./decision_list.ts";
import type { Entry, EventPage, LogPage, LogQuery, LogRow, Placed, Shipment } from "./entry.ts";
import { EntryTable, type StoredEntry } from "./entry_table.ts";
import { type Written, written, writtenOf } from "./entry_text.ts";
import { type InboxPage, type InboxQuery, InboxTable } from "./inbox_table.ts";
import { RetentionTable } from "./retention_table.ts";
import { type Cell, RollupTable, type StatsQuery } from "./rollup_table.ts";
import { SegmentTable } from "./segment_table.ts";
import { type Verified, verifyRange } from "./verify.ts";

/** What a log needs from outside itself; `worker/objects.ts` fills it in. */
export interface LogDeps {
  /** Signs a checkpoint with the gateway's key: a compact JWS. */
  readonly sign: (statement: Statement) => Promise<string>;
  /** Has the team's webhooks told. */
  readonly warn: (team: TeamId, bursts: readonly Burst[]) => Promise<void>;
  readonly now: () => number;
}

/** Entries that follow a place, and the newest place there is. */
export interface Tail {
  readonly head: number;
  readonly items: readonly Placed[];
}

/** Rows as they are stored, with the checkpoints that close them; `floor` is where the log begins. */
export interface Stored {
  readonly floor: Head;
  readonly rows: readonly StoredEntry[];
  readonly checkpoints: readonly Checkpoint[];
}

const retryMs = 60_000;
const forgottenKey = "forgotten";

/**
 * The team's log: every decision, outcome and control-plane write in one hash chain, closed by signed checkpoints. Gates
 * ship at least once; an entry that is here already is passed over.
 */
export class Log extends DurableObject<unknown> {
  readonly #deps: LogDeps;
  readonly #entries: EntryTable;
  readonly #segments: SegmentTable;
  readonly #rollup: RollupTable;
  readonly #retention: RetentionTable;
  readonly #inbox: InboxTable;
  readonly #bursts = new Bursts();
  #alarmAtMs: number | null = null;
  #forgotten = false;

  constructor(ctx: DurableObjectState, env: unknown, deps: LogDeps) {
    super(ctx, env);
    const { sql } = ctx.storage;
    this.#deps = deps;
    this.#entries = new EntryTable(sql);
    this.#segments = new SegmentTable(sql);
    this.#entries.reload(this.#segments.floor);
    this.#rollup = new RollupTable(sql);
    this.#retention = new RetentionTable(sql);
    this.#inbox = new InboxTable(sql);
    // The alarm outlives the object: planned anew from each waking on, it would be put off for as long as there is traffic.
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarmAtMs = await ctx.storage.getAlarm();
      this.#forgotten = (await ctx.storage.get(forgottenKey)) === true;
    });
  }

  /** Adds what is new, in the order given, all or nothing. Answers with the chain's head. */
  append(entries: readonly Entry[]): Head {
    return this.#take(entries.map(written));
  }

  /** Adds what a gate ships. */
  take(shipment: Shipment): Head {
    return this.#take(writtenOf(shipment));
  }

  #take(all: readonly Written[]): Head {
    if (this.#forgotten) return this.#passOver(all);
    this.#warn(this.#write(all));
    const { head } = this.#entries;
    const nowMs = this.#deps.now();
    if (head.n > (this.#segments.last?.n ?? 0)) this.#wakeBy(this.#segments.dueMs(head.n, nowMs));
    return head;
  }

  /** An old token's refusal is let go. A call that nobody would keep must not count as recorded. */
  #passOver(all: readonly Written[]): Head {
    if (all.every(({ entry }) => entry.kind === "control")) return this.#entries.head;
    throw new Error("the log of a deleted team records no calls");
  }

  /** The entries that were new. */
  #write(all: readonly Written[]): Entry[] {
    try {
      return this.ctx.storage.transactionSync(() => this.#add(all));
    } catch (error) {
      this.#entries.reload(this.#segments.floor);
      this.#rollup.undo();
      throw error;
    }
  }

  #add(all: readonly Written[]): Entry[] {
    return this.#entries.add(all).map(({ n, entry, other }) => {
      this.#rollup.add(n, entry, other);
      this.#retention.hear(entry);
      return entry;
    });
  }

  #warn(entries: readonly Entry[]): void {
    const bursts = entries.flatMap((entry) => this.#bursts.hear(entry) ?? []);
    if (bursts.length === 0) return;
    const told = this.#deps.warn(this.#team, bursts);
    this.ctx.waitUntil(told.catch((error) => console.error("webhooks cannot be told of a burst", error)));
  }

  get #team(): TeamId {
    const team = this.ctx.id.name;
    if (!team) throw new Error("a log does not know its team");
    return team as TeamId;
  }

  /** Empties the log of a deleted team, which takes nothing any more: somebody may still try an old token. */
  async forget(): Promise<void> {
    this.#forgotten = true;
    await this.ctx.storage.deleteAll();
    await this.ctx.storage.put(forgottenKey, true);
  }

  /** Decisions, newest first, each with its outcome where one has arrived. */
  list(query: LogQuery): LogPage {
    const { head } = this.#entries;
    const timed = query.fromMs !== undefined || query.toMs !== undefined;
    const reach = timed
      ? this.#segments.reach(query.fromMs, query.toMs, head.n)
      : { low: this.#segments.floor.n + 1, high: head.n };
    return listDecisions(this.ctx.storage.sql, query, reach);
  }

  /** Shows approvals in the team's inbox, as their gates have them now. */
  file(approvals: readonly Approval[]): void {
    if (this.#forgotten) return;
    this.#inbox.put(approvals, this.#deps.now());
  }

  /** The team's approvals, newest first. */
  inbox(query: InboxQuery): InboxPage {
    return this.#inbox.list(query, this.#deps.now());
  }

  /** One approval as its gate last told, or null. */
  filed(id: string): Approval | null {
    return this.#inbox.find(id);
  }

  /** One decision with its outcome, or null where the log does not have it (yet). */
  find(gate: GrantId, seq: number): LogRow | null {
    return this.#entries.find(gate, seq);
  }

  /** Events of the control plane before a place (null: from the newest on). */
  events(before: number | null, limit: number): EventPage {
    return this.#entries.events(before, limit);
  }

  /** Entries of every kind behind `after`, oldest first; null asks for the newest place alone. */
  follow(after: number | null, limit: number): Tail {
    const head = this.#entries.head.n;
    return { head, items: after === null || after >= head ? [] : this.#entries.tail(after, limit) };
  }

  /** The rows behind `after` as they are stored, with the checkpoints that close them. */
  read(after: number, limit: number): Stored {
    const floor = this.#segments.floor;
    const rows = this.#entries.stored(Math.max(after, floor.n) + 1, limit);
    const to = rows.at(-1)?.n ?? 0;
    const checkpoints = this.#segments
      .list(after <= floor.n ? floor.n - 1 : after, limit + 1)
      .filter(({ n }) => n <= Math.max(to, floor.n));
    return { floor, rows, checkpoints };
  }

  /** The hash of entry `n`, or null where the log has none (any more). */
  hashAt(n: number): string | null {
    return this.#entries.hashAt(n) ?? this.#segments.at(n)?.hash ?? null;
  }

  /** Checkpoints behind a place, in order. */
  checkpoints(after: number, limit: number): readonly Checkpoint[] {
    return this.#segments.list(after, limit);
  }

  /** Recomputes a part of the chain; call again with `next` until it is null. */
  verify(from: number | null): Verified {
    return verifyRange(this.#entries, this.#segments, from, this.#deps.now());
  }

  /** Bars for charts, from the rolled-up counts alone. */
  stats(query: StatsQuery): readonly Cell[] {
    this.ctx.storage.transactionSync(() => this.#rollup.flush());
    return this.#rollup.cells(query);
  }

  /** Seals what is due, drops what the team no longer keeps, and plans the next time. */
  override async alarm(): Promise<void> {
    this.#alarmAtMs = null;
    try {
      await this.#seal();
    } catch (error) {
      console.error("a log cannot be sealed", error);
      this.#wakeBy(this.#deps.now() + retryMs);
      return;
    }
    this.#drop();
    this.#wakeAgain();
  }

  async #seal(): Promise<void> {
    for (;;) {
      const atMs = this.#deps.now();
      const n = this.#segments.due(this.#entries.head.n, atMs);
      const hash = n === null ? null : this.#entries.hashAt(n);
      if (n === null || hash === null) return;
      const jws = await this.#deps.sign({ team: this.#team, n, hash, at: new Date(atMs).toISOString() });
      this.#segments.add({ n, hash, atMs, jws });
    }
  }

  #drop(): void {
    const nowMs = this.#deps.now();
    const keptSinceMs = this.#retention.keptSinceMs(nowMs);
    const expired = this.#segments.expired(keptSinceMs);
    if (!expired) return;
    this.ctx.storage.transactionSync(() => {
      // Told first, so that a log which lost its beginning always says why.
      this.#add([written(this.#retention.dropping(expired, nowMs))]);
      this.#rollup.flush();
      this.#rollup.drop(keptSinceMs);
      this.#segments.drop(expired);
      this.#entries.drop(expired.n);
    });
  }

  #wakeAgain(): void {
    const nowMs = this.#deps.now();
    const { head } = this.#entries;
    if (head.n > (this.#segments.last?.n ?? 0)) this.#wakeBy(this.#segments.dueMs(head.n, nowMs));
    const oldestMs = this.#segments.oldestMs;
    if (oldestMs !== null) this.#wakeBy(Math.max(nowMs, oldestMs + this.#retention.keepMs + 1));
  }

  #wakeBy(atMs: number): void {
    if (this.#alarmAtMs !== null && this.#alarmAtMs <= atMs) return;
    this.#alarmAtMs = atMs;
    void this.ctx.storage.setAlarm(atMs);
  }
}
