import type { EventId } from "../id.ts";
import type { ControlEntry, Entry } from "./entry.ts";
import type { Segment } from "./segment_table.ts";

const schema = `
  CREATE TABLE IF NOT EXISTS retention (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    days INTEGER NOT NULL,
    told_ms INTEGER NOT NULL
  );
`;

/** How long a log is kept unless the team says otherwise. */
export const retentionDaysDefault = 365;
const dayMs = 86_400_000;

type State = { days: number; told_ms: number };

/** How long the team keeps its log, as its own events say. */
export class RetentionTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(schema);
  }

  get #state(): State {
    const row = this.#sql.exec<State>("SELECT days, told_ms FROM retention WHERE id = 1").toArray()[0];
    return row ?? { days: retentionDaysDefault, told_ms: 0 };
  }

  /** Learns from the team's events how long it keeps its log. They can arrive in another order than they happened. */
  hear(entry: Entry): void {
    if (entry.kind !== "control" || !entry.action.startsWith("team.")) return;
    const { retention_days: days } = entry.detail;
    if (typeof days !== "number" || entry.atMs < this.#state.told_ms) return;
    this.#sql.exec(
      "INSERT OR REPLACE INTO retention (id, days, told_ms) VALUES (1, ?1, ?2)",
      days,
      entry.atMs,
    );
  }

  get keepMs(): number {
    return this.#state.days * dayMs;
  }

  /** What lies before this time is dropped. */
  keptSinceMs(nowMs: number): number {
    return nowMs - this.keepMs;
  }

  /** The event that goes with dropping a segment. */
  dropping({ n, hash, first }: Segment, nowMs: number): ControlEntry {
    return {
      kind: "control",
      id: droppedId(n),
      atMs: nowMs,
      requestId: "",
      actor: "system",
      action: "log.dropped",
      subject: "log",
      detail: { from: first, up_to: n, hash, retention_days: this.#state.days },
    };
  }
}

/** The id of the event that tells of dropping everything up to `n`. */
export const droppedId = (n: number): EventId => `evt_dropped_${n}` as EventId;
