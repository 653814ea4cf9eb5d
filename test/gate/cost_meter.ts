import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";

// Throttles and accounts are not asked by calls: what they do belongs to the signing in before.
const namespaces = ["GATES", "LOGS", "COUNTERS", "THROTTLES", "ACCOUNTS"] as const;
export type Namespace = (typeof namespaces)[number];

/** What the platform bills: requests to objects (alarms among them), rows written by objects and in D1, rows read in D1. */
export interface Bill {
  readonly requests: Record<Namespace, number>;
  readonly rows: Record<Namespace | "DB", number>;
  readonly rowsRead: number;
}

type Stub = DurableObjectStub & Record<string, (...given: unknown[]) => Promise<unknown>>;
/** An object that was asked for something. Whoever needs a stub makes one: those of other objects are theirs alone. */
interface Met {
  readonly namespace: Namespace;
  readonly id: DurableObjectId;
}

const emptyBill = (): Bill => ({
  requests: { GATES: 0, LOGS: 0, COUNTERS: 0, THROTTLES: 0, ACCOUNTS: 0 },
  rows: { GATES: 0, LOGS: 0, COUNTERS: 0, THROTTLES: 0, ACCOUNTS: 0, DB: 0 },
  rowsRead: 0,
});

/**
 * Reads the runtime's own meters, those that the platform bills by: `rowsWritten` of every cursor of every object, and
 * `meta` of every answer of D1. Requests are counted where a stub is called. One in a file: it stands in the prototypes.
 */
export class Meter {
  readonly #met = new Map<string, Met>();
  readonly #stubOf = env.GATES.get;
  readonly #cursors: { sql: SqlStorage; cursor: SqlStorageCursor<Record<string, SqlStorageValue>> }[] = [];
  readonly #alarmWrites: SqlStorage[] = [];
  readonly #alarms = new Map<SqlStorage, number>();
  readonly #underway = new Set<Promise<unknown>>();
  readonly #owners = new Map<SqlStorage, Met>();
  #requests = emptyBill().requests;
  #d1 = { written: 0, read: 0 };

  static async start(): Promise<Meter> {
    const meter = new Meter();
    await runInDurableObject(env.GATES.get(env.GATES.newUniqueId()), (_, { storage }) =>
      meter.#watchStorage(storage),
    );
    meter.#watchStubs();
    meter.#watchD1();
    return meter;
  }

  /** What was used since the last time, once nothing is under way any more. */
  async bill(): Promise<Bill> {
    await this.quiet();
    await this.#findOwners([...this.#cursors.map(({ sql }) => sql), ...this.#alarmWrites]);
    const { requests, rows } = emptyBill();
    Object.assign(requests, this.#requests);
    for (const { sql, cursor } of this.#cursors) rows[this.#ownerOf(sql).namespace] += cursor.rowsWritten;
    for (const sql of this.#alarmWrites) rows[this.#ownerOf(sql).namespace]++;
    rows.DB = this.#d1.written;
    const rowsRead = this.#d1.read;
    this.#cursors.length = 0;
    this.#alarmWrites.length = 0;
    this.#requests = emptyBill().requests;
    this.#d1 = { written: 0, read: 0 };
    return { requests, rows, rowsRead };
  }

  /** Leaves the objects of an earlier run asleep: their alarms are not run any more. */
  forget(): void {
    this.#alarms.clear();
  }

  /** When the next alarm is due, or null. */
  get nextAlarmMs(): number | null {
    const [first] = [...this.#alarms.values()].sort((a, b) => a - b);
    return first ?? null;
  }

  /** Runs the alarms that are due by that time, as the platform would. */
  async runAlarms(nowMs: number): Promise<void> {
    const due = [...this.#alarms].filter(([, atMs]) => atMs <= nowMs);
    await this.#findOwners(due.map(([sql]) => sql));
    for (const [sql] of due) {
      this.#alarms.delete(sql);
      const met = this.#ownerOf(sql);
      if (await runDurableObjectAlarm(this.#plainStub(met))) this.#requests[met.namespace]++;
    }
    await this.quiet();
  }

  /** Waits for every request that is under way. */
  async quiet(): Promise<void> {
    while (this.#underway.size > 0) await Promise.allSettled(this.#underway);
  }

  #ownerOf(sql: SqlStorage): Met {
    const owner = this.#owners.get(sql);
    if (!owner) throw new Error("rows of an object that nobody asked");
    return owner;
  }

  async #findOwners(of: readonly SqlStorage[]): Promise<void> {
    if (of.every((sql) => this.#owners.has(sql))) return;
    for (const met of this.#met.values()) {
      await runInDurableObject(this.#plainStub(met), (_, { storage }) => {
        this.#owners.set(storage.sql, met);
      });
    }
  }

  #plainStub({ namespace, id }: Met): DurableObjectStub {
    return this.#stubOf.call(env[namespace] as never, id) as never;
  }

  #watchStorage(storage: DurableObjectStorage): void {
    const meter = this;
    const sqlMethods: SqlStorage = Object.getPrototypeOf(storage.sql);
    const exec = sqlMethods.exec;
    sqlMethods.exec = function (this: SqlStorage, ...given) {
      const cursor = exec.apply(this, given);
      meter.#cursors.push({ sql: this, cursor });
      return cursor as never;
    };
    const methods: DurableObjectStorage = Object.getPrototypeOf(storage);
    const setAlarm = methods.setAlarm;
    methods.setAlarm = function (this: DurableObjectStorage, at, ...rest) {
      meter.#alarmWrites.push(this.sql);
      meter.#alarms.set(this.sql, Number(at));
      return setAlarm.call(this, at, ...rest);
    };
  }

  #watchStubs(): void {
    const meter = this;
    const markOf = (namespace: DurableObjectNamespace): string => namespace.idFromName("mark").toString();
    const byMark = new Map(namespaces.map((name) => [markOf(env[name] as never), name]));
    const methods: DurableObjectNamespace = Object.getPrototypeOf(env.GATES);
    const get = methods.get;
    methods.get = function (this: DurableObjectNamespace, id, ...rest) {
      const stub = get.call(this, id, ...rest) as unknown as Stub;
      const namespace = byMark.get(markOf(this));
      if (!namespace) return stub as never;
      meter.#met.set(id.toString(), { namespace, id });
      return meter.#counted(namespace, stub) as never;
    };
  }

  #counted(namespace: Namespace, stub: Stub): Stub {
    return new Proxy(stub, {
      get: (target, name) => {
        const own = Reflect.get(target, name) as unknown;
        if (typeof name !== "string" || typeof own !== "function") return own;
        return (...given: unknown[]) => {
          this.#requests[namespace]++;
          const asked = (async () => target[name]?.(...given))();
          this.#underway.add(asked);
          void asked.catch(() => {}).then(() => this.#underway.delete(asked));
          return asked;
        };
      },
    });
  }

  #watchD1(): void {
    const take = <T extends D1Result>(result: T): T => {
      this.#d1.written += result.meta.rows_written;
      this.#d1.read += result.meta.rows_read;
      return result;
    };
    const database: D1Database = Object.getPrototypeOf(env.DB);
    const batch = database.batch;
    database.batch = async function (this: D1Database, statements) {
      const results = await batch.call(this, statements);
      for (const result of results) take(result);
      return results as never;
    };
    const statement: D1PreparedStatement = Object.getPrototypeOf(env.DB.prepare("SELECT 1"));
    const all = statement.all;
    statement.all = async function (this: D1PreparedStatement) {
      return take(await all.call(this)) as never;
    };
    statement.run = statement.all;
    // `first` keeps what was read to itself, so it is asked for all.
    statement.first = async function (this: D1PreparedStatement) {
      return ((await this.all()).results[0] ?? null) as never;
    };
  }
}
