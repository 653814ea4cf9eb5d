import { beforeAll, describe, expect, it } from "vitest";
import { ExportCheck } from "../../scripts/record/check.ts";
import { jsonl } from "../../src/api/log_export.ts";
import { linkEntry } from "../../src/audit/chain.ts";
import type { DecisionEntry, Entry } from "../../src/audit/entry.ts";
import type { Log } from "../../src/audit/log.ts";
import type { EventId, GrantId, TeamId } from "../../src/id.ts";
import { readCheckpoint, signCheckpoint } from "../../src/identity/checkpoint.ts";
import { type KeySet, publicKeys } from "../../src/identity/keys.ts";
import { sizeOf } from "../support/size.ts";
import { decision, inLog, newKeys, outcome } from "./rows.ts";

// The attacker has the database, may write what he likes and computes hashes as we do; he lacks the gateway's key, and
// the auditor's one kept checkpoint. Both verifiers must notice whatever he does to what is sealed.
const team = "tm_tampered" as TeamId;
const entriesMax = 90;
const { runs: tries, seed, within } = sizeOf("TAMPER", 1_000);
const begunMs = Date.now();

let keys: KeySet;
let attacker: KeySet;

/** A small, fast generator, so that a seed replays (mulberry32). */
function generator(start: number): (below: number) => number {
  let state = start;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function history(pick: (below: number) => number): Entry[] {
  const seqs = new Map<GrantId, number>();
  const all: Entry[] = [];
  while (all.length < entriesMax) {
    const gate = `grt_0000000000000000000000000${1 + pick(3)}` as GrantId;
    const seq = (seqs.get(gate) ?? 0) + 1;
    const atMs = begunMs + all.length;
    const ending = { atMs, end: "answered", status: 200, bytes: 12, ms: 5 } as const;
    const ends = pick(3);
    const values = pick(3) === 0 ? { salt: "ab".repeat(32), text: `{"amount":${seq}}` } : null;
    all.push(
      decision(seq, {
        gate,
        atMs,
        values,
        verdict: pick(4) === 0 ? "denied" : "allowed",
        ...(ends === 0 ? { outcome: ending } : {}),
      }),
    );
    if (ends === 1) all.push(outcome(seq, { gate, atMs: begunMs + all.length }));
    if (pick(6) === 0) all.push(event(all.length));
    seqs.set(gate, seq);
  }
  return all;
}

const event = (n: number): Entry => ({
  kind: "control",
  id: `evt_${n}` as EventId,
  atMs: begunMs + n,
  requestId: "req_1",
  actor: "usr_1",
  action: "policy.saved",
  subject: "pol_1",
  detail: { revision: n },
});

const hour = 3_600_000;

/** Fills a log, sealed after every third of it: the last checkpoint stands at its end. */
async function fill(log: Log, clock: { nowMs: number }, entries: readonly Entry[]): Promise<void> {
  const third = Math.ceil(entries.length / 3);
  for (let at = 0; at < entries.length; at += third) {
    log.append(entries.slice(at, at + third));
    clock.nowMs += 2 * hour;
    await log.alarm();
  }
}

type Row = { n: number; body: string };
type Pick = (below: number) => number;

class Attack {
  readonly #sql: SqlStorage;
  readonly pick: Pick;
  readonly last: number;

  constructor(sql: SqlStorage, pick: Pick) {
    this.#sql = sql;
    this.pick = pick;
    this.last = sql.exec<{ n: number }>("SELECT max(n) AS n FROM entry").one().n;
  }

  run(sql: string, ...bindings: (string | number)[]): void {
    this.#sql.exec(sql, ...bindings);
  }

  rows(): Row[] {
    return this.#sql.exec<Row>("SELECT n, body FROM entry ORDER BY n").toArray();
  }

  any(): number {
    return 1 + this.pick(this.last);
  }

  body(n: number): string {
    return this.#sql.exec<{ body: string }>("SELECT body FROM entry WHERE n = ?1", n).one().body;
  }

  /** Writes these bodies as the whole log, with the hashes that belong to them. */
  rewrite(bodies: readonly string[]): void {
    this.run("DELETE FROM entry");
    let hash = "0".repeat(64);
    for (const [index, body] of bodies.entries()) {
      const n = index + 1;
      hash = linkEntry(hash, n, body);
      const entry = JSON.parse(body) as Entry;
      const [source, seq] = entry.kind === "control" ? [entry.id, 0] : [entry.gate, entry.seq];
      const told = entry.kind === "decision" ? entry : null;
      this.#sql.exec(
        `INSERT OR IGNORE INTO entry (n, kind, at_ms, gate, seq, server, name, verdict, body, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`,
        n,
        entry.kind,
        entry.atMs,
        source,
        seq,
        told?.server.id ?? null,
        told?.target.name ?? null,
        told?.verdict ?? null,
        body,
        hash,
      );
    }
    this.run("UPDATE segment SET hash = coalesce((SELECT hash FROM entry e WHERE e.n = segment.n), hash)");
  }
}

const edited = (body: string): string => body.replace('"atMs":', '"atMs":1');
const bodiesOf = (attack: Attack): string[] => attack.rows().map(({ body }) => body);

interface Way {
  readonly what: string;
  /** Only the searchable copy or the kept arguments were touched: an export without them is what it was. */
  readonly online?: true;
  readonly run: (attack: Attack) => void;
}

const ways: readonly Way[] = [
  {
    what: "edit a text",
    run: (a) => {
      const n = a.any();
      a.run("UPDATE entry SET body = ?2 WHERE n = ?1", n, edited(a.body(n)));
    },
  },
  {
    what: "edit a text and its hash",
    run: (a) => {
      const n = a.any();
      const body = edited(a.body(n));
      a.run(
        "UPDATE entry SET body = ?2, hash = ?3 WHERE n = ?1",
        n,
        body,
        linkEntry("0".repeat(64), n, body),
      );
    },
  },
  {
    what: "edit what is searched by",
    online: true,
    run: (a) => a.run("UPDATE entry SET at_ms = at_ms + 1 WHERE n = ?1", a.any()),
  },
  {
    what: "edit kept arguments",
    run: (a) => a.run(`UPDATE kept SET text = '{"amount":0}'`),
  },
  { what: "delete", run: (a) => a.run("DELETE FROM entry WHERE n = ?1", a.any()) },
  {
    what: "delete and close up, with new hashes",
    run: (a) => {
      const gone = a.pick(a.last);
      a.rewrite(bodiesOf(a).filter((_, index) => index !== gone));
    },
  },
  {
    what: "insert, with new hashes",
    run: (a) => {
      const at = a.pick(a.last);
      a.rewrite(bodiesOf(a).toSpliced(at, 0, JSON.stringify(event(5_000 + at))));
    },
  },
  {
    what: "reorder",
    run: (a) => {
      const n = 1 + a.pick(a.last - 1);
      const [one, two] = [a.body(n), a.body(n + 1)];
      a.run("UPDATE entry SET body = ?2 WHERE n = ?1", n, two);
      a.run("UPDATE entry SET body = ?2 WHERE n = ?1", n + 1, one);
    },
  },
  {
    what: "reorder, with new hashes",
    run: (a) => {
      const bodies = bodiesOf(a);
      const [moved = ""] = bodies.splice(a.pick(a.last - 1), 1);
      a.rewrite([...bodies, moved]);
    },
  },
  {
    what: "duplicate, with new hashes",
    run: (a) => {
      a.run("DROP INDEX entry_by_decision");
      a.run("CREATE INDEX entry_by_decision ON entry (gate, seq, kind)");
      const n = a.any();
      a.rewrite(bodiesOf(a).toSpliced(a.pick(a.last), 0, a.body(n)));
    },
  },
  {
    what: "end a call a second time, with new hashes",
    run: (a) => {
      const bodies = bodiesOf(a);
      const ended = bodies
        .map((body) => JSON.parse(body) as Entry)
        .find((e) => e.kind === "decision" && e.outcome);
      const { seq, gate } = ended as DecisionEntry;
      a.rewrite([...bodies, JSON.stringify(outcome(seq, { gate, atMs: begunMs }))]);
    },
  },
  { what: "truncate", run: (a) => a.run("DELETE FROM entry WHERE n >= ?1", a.any()) },
  {
    what: "truncate, checkpoints and all",
    run: (a) => {
      const n = a.any();
      a.run("DELETE FROM entry WHERE n >= ?1", n);
      a.run("DELETE FROM segment WHERE n >= ?1", n);
    },
  },
  {
    what: "cut off the beginning",
    run: (a) => a.run("DELETE FROM entry WHERE n <= ?1", 1 + a.pick(a.last - 1)),
  },
  {
    what: "fork with new hashes",
    run: (a) => {
      const n = a.pick(a.last);
      a.rewrite(bodiesOf(a).map((body, index) => (index === n ? edited(body) : body)));
    },
  },
  {
    what: "fork with a key of one's own",
    run: (a) => {
      const n = a.pick(a.last);
      a.rewrite(bodiesOf(a).map((body, index) => (index === n ? edited(body) : body)));
      for (const [at, jws] of forgeries) a.run("UPDATE segment SET jws = ?2 WHERE n = ?1", at, jws);
    },
  },
  {
    what: "fork without checkpoints",
    run: (a) => {
      const n = a.pick(a.last);
      a.rewrite(bodiesOf(a).map((body, index) => (index === n ? edited(body) : body)));
      a.run("DELETE FROM segment");
    },
  },
];

const forgeries = new Map<number, string>();

beforeAll(async () => {
  [keys, attacker] = await Promise.all([newKeys(), newKeys()]);
});

const exportOf = (log: Log): string[] => {
  const { floor, rows, checkpoints } = log.read(0, 1_000);
  const format = jsonl(true);
  const sealed = new Map(checkpoints.map(({ n, jws }) => [n, jws]));
  const lines = rows.map(
    (row) => format.entry(row) + (sealed.has(row.n) ? format.checkpoint(sealed.get(row.n) ?? "") : ""),
  );
  return (format.start(team, floor, floor.n) + lines.join("")).split("\n");
};

function offline(lines: readonly string[], held: readonly string[]): string | null {
  const check = new ExportCheck(publicKeys(keys) as ConstructorParameters<typeof ExportCheck>[0], held);
  for (const line of lines) check.line(line);
  return check.end().problem;
}

describe("whoever rewrites the record", () => {
  it(
    `is noticed, in ${tries} ways of ${ways.length} kinds (seed ${seed})`,
    async () => {
      const clock = { nowMs: begunMs };
      const pick = generator(seed);
      const missed: string[] = [];
      await inLog(team, keys, clock, async (wake, storage) => {
        const log = wake();
        await fill(log, clock, history(pick));
        const checkpoints = log.checkpoints(0, 100);
        const held = checkpoints.at(-1);
        if (!held) throw new Error("nothing is sealed");
        for (const { n, hash } of checkpoints) {
          forgeries.set(
            n,
            await signCheckpoint({ team, n, hash, at: new Date(clock.nowMs).toISOString() }, attacker),
          );
        }
        expect(log.verify(null)).toMatchObject({ problem: null, next: null, to: held.n });
        expect(offline(exportOf(log), [held.jws])).toBeNull();
        for (let at = 0; at < tries; at++) {
          const way = ways[at % ways.length];
          if (!way) continue;
          let online: { problem: unknown; held: boolean; jws: readonly string[] } | null = null;
          let lines: string[] = [];
          const rollback = new Error("undone");
          try {
            storage.transactionSync(() => {
              way.run(new Attack(storage.sql, pick));
              // Woken again: what the object remembers is no evidence.
              const rewritten = wake();
              const seen = rewritten.verify(null);
              online = {
                problem: seen.problem,
                held: rewritten.hashAt(held.n) === held.hash,
                jws: seen.checkpoints.map((one) => one.jws),
              };
              lines = exportOf(rewritten);
              throw rollback;
            });
          } catch (error) {
            if (error !== rollback) throw error;
          }
          const found = online as { problem: unknown; held: boolean; jws: readonly string[] } | null;
          const said = await Promise.all((found?.jws ?? []).map((jws) => readCheckpoint(jws, keys)));
          const forged = said.some((one) => one === null);
          if (!found?.problem && found?.held && !forged) missed.push(`${way.what}: online`);
          if (!way.online && offline(lines, [held.jws]) === null) missed.push(`${way.what}: offline`);
        }
        expect(log.verify(null).problem).toBeNull();
      });
      expect(missed).toEqual([]);
    },
    within(120_000),
  );
});
