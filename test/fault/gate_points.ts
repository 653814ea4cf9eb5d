import type { Snapshot } from "../../src/gate/snapshot.ts";
import type { Reserved } from "../../src/limit/reservation.ts";
import type { Db } from "../../src/store/database.ts";
import { hanging, inWords, lie, type Point, rejecting, throwing } from "./point.ts";
import type { Way } from "./way.ts";

const point = (
  at: string,
  how: Point["how"],
  what: string,
  breaks: (way: Way) => void | Promise<void>,
  on: Point["on"] = "call",
): Point => ({ at, how, what, on, breaks });

type Change<T> = (whole: T) => unknown;

/** What D1 says of the grant, changed: a gate that has nothing yet hears it. */
const loaded = (what: string, change: Change<Snapshot>): Point =>
  point("snapshot", "lies", what, ({ parts }) => {
    const { load } = parts.gate;
    parts.gate.load = async (grant) => {
      const snapshot = await load(grant);
      return lie(snapshot && change(snapshot));
    };
  });

const ofGrant =
  (change: object): Change<Snapshot> =>
  (snapshot) => ({ ...snapshot, grant: { ...snapshot.grant, ...change } });
const ofTeam =
  (change: object): Change<Snapshot> =>
  (snapshot) => ({ ...snapshot, team: { ...snapshot.team, ...change } });
const ofRoutes =
  (change: object): Change<Snapshot> =>
  (snapshot) => ({ ...snapshot, routes: snapshot.routes.map((route) => ({ ...route, ...change })) });
const broken = { id: "pol_1", name: "p", revision: 1, text: '{"version":"9"}' };

const snapshots: readonly Point[] = [
  point("D1", "throws", "at prepare", ({ parts }) => {
    parts.db = { prepare: throwing, batch: rejecting };
  }),
  point("D1", "throws", "at batch", ({ parts }) => {
    parts.db = database(parts.db, rejecting);
  }),
  point("D1", "hangs", "never answers", ({ parts }) => {
    parts.db = database(parts.db, hanging);
  }),
  ...[undefined, null, [], [null], [{}], [{ results: [{}] }], [{ results: [null] }]].map((said) =>
    point("D1", "lies", inWords(said), ({ parts }) => {
      parts.db = database(parts.db, async () => lie(said));
    }),
  ),
  ...[undefined, null, {}, [], "grant"].map((said) => loaded(inWords(said), () => said)),
  loaded("another grant's", ofGrant({ id: "grt_00000000000000000000000001" })),
  loaded("another team's", ofTeam({ id: "tm_00000000000000000000000001" })),
  loaded("whether it is revoked is not there", ofGrant({ revoked: undefined })),
  loaded("revoked, as a number", ofGrant({ revoked: 1 })),
  loaded("when it expires is not there", ofGrant({ expiresAtMs: undefined })),
  loaded("it expires at NaN", ofGrant({ expiresAtMs: Number.NaN })),
  loaded("no tokens", ofGrant({ tokens: [] })),
  loaded("tokens are not there", ofGrant({ tokens: undefined })),
  loaded("a token without an end", ({ grant, ...rest }) => ({
    ...rest,
    grant: { ...grant, tokens: grant.tokens.map(({ jti }) => ({ jti })) },
  })),
  loaded("a freeze that there is not", ofTeam({ frozen: "partly" })),
  loaded("whether it is frozen is not there", ofTeam({ frozen: undefined })),
  loaded("a zone that there is not", ofTeam({ zone: "Nowhere/None" })),
  loaded("a team policy that does not read", ofTeam({ policy: broken })),
  loaded("a policy that does not read", ofRoutes({ policy: broken })),
  loaded("a policy without its text", ofRoutes({ policy: { ...broken, text: undefined } })),
  loaded("no policy", ofRoutes({ policy: null })),
  loaded("no pins", ofRoutes({ pins: [] })),
  loaded("pins are not there", ofRoutes({ pins: undefined })),
  loaded("no routes", (snapshot) => ({ ...snapshot, routes: [] })),
  loaded("routes are not there", (snapshot) => ({ ...snapshot, routes: undefined })),
  ...[undefined, null, Number.NaN, "1", 1.5].map((epoch) =>
    loaded(`epoch ${inWords(epoch)}`, (snapshot) => ({ ...snapshot, epoch })),
  ),
];

/** The database, with something else in the place of its batches. */
const database = (db: Db, batch: Db["batch"]): Db => ({ prepare: (sql) => db.prepare(sql), batch });

/** The shared counter's true answer, changed. */
const reserved = (what: string, change: Change<Reserved>): Point =>
  point("shared counter", "lies", what, ({ parts }) => {
    const { reserve } = parts.counter;
    parts.counter.reserve = async (reservation, notices) => lie(change(await reserve(reservation, notices)));
  });
const reading = (change: object): Change<Reserved> => {
  return (answer) => ({ ...answer, before: answer.before.map((one) => ({ ...one, ...change })) });
};

const counters: readonly Point[] = [
  point("shared counter", "throws", "cannot be addressed", ({ parts }) => {
    parts.gate.counter = throwing;
  }),
  point("shared counter", "throws", "later", ({ parts }) => {
    parts.counter.reserve = rejecting;
  }),
  point("shared counter", "hangs", "never answers", ({ parts }) => {
    parts.counter.reserve = hanging;
  }),
  point("shared counter", "hangs", "grants after 5 s", ({ parts }) => {
    const { reserve } = parts.counter;
    parts.counter.reserve = async (reservation, notices) => {
      const answer = await reserve(reservation, notices);
      await new Promise((done) => setTimeout(done, 5_000));
      return answer;
    };
  }),
  point("shared counter", "lies", "there is none", ({ parts }) => {
    parts.gate.counter = () => lie(undefined);
  }),
  ...[undefined, null, true, "granted", {}, [], { granted: true }].map((said) =>
    reserved(inWords(said), () => said),
  ),
  ...[undefined, null, 1, "yes"].map((granted) =>
    reserved(`granted: ${inWords(granted)}`, (answer) => ({ ...answer, granted })),
  ),
  reserved("refused, although there is room", (answer) => ({ ...answer, granted: false })),
  reserved("granted, although there is none", reading({ taken: 1_000_000_000_000n })),
  ...[undefined, null, Number.NaN, Number.POSITIVE_INFINITY, "0"].map((atMs) =>
    reserved(`granted at ${inWords(atMs)}`, (answer) => ({ ...answer, atMs })),
  ),
  reserved("granted without readings", (answer) => ({ ...answer, before: [], after: [] })),
  reserved("readings are not there", ({ granted, atMs }) => ({ granted, atMs })),
  reserved("a reading that is null", (answer) => ({ ...answer, before: [null] })),
  ...[undefined, null, -1_000_000n, 0, Number.NaN].map((taken) =>
    reserved(`${inWords(taken)} taken`, reading({ taken })),
  ),
];

const clock: readonly Point[] = [
  point("gate's clock", "throws", "at once", ({ parts }) => {
    parts.gate.now = throwing;
  }),
  ...[Number.NaN, Number.POSITIVE_INFINITY, undefined, "now", 1e15].map((said) =>
    point("gate's clock", "lies", inWords(said), ({ parts }) => {
      parts.gate.now = () => lie(said);
    }),
  ),
  point("gate's randomness", "throws", "at once", ({ parts }) => {
    parts.gate.random = throwing;
  }),
];

/** Fails every statement of the gate that this matches. */
const failing = (what: string, pattern: RegExp, on?: Point["on"]): Point =>
  point(
    "gate's storage",
    "throws",
    what,
    ({ parts }) => {
      parts.beforeSql = (query) => {
        if (pattern.test(query)) throw new Error("SQLITE_IOERR");
      };
    },
    on,
  );

/** What stands in the storage is not what was written. */
const standing = (what: string, sql: string): Point => ({
  ...point("gate's storage", "lies", what, async (way) => {
    await way.askPatiently("call");
    way.parts.storage.sql.exec(sql);
    way.evict();
  }),
  late: true,
});

const storage: readonly Point[] = [
  failing("every statement", /./),
  failing("every read", /SELECT/),
  failing("every write", /INSERT|UPDATE|DELETE/),
  failing("the decision's row", /INSERT INTO decision/),
  failing("the approval's row", /INSERT INTO approval/, "approval"),
  failing("the snapshot's row", /INSERT INTO snapshot/),
  standing("a snapshot that does not read", "UPDATE snapshot SET body = 'x'"),
  standing("a snapshot without its head", "UPDATE snapshot SET body = '{}' WHERE part = 'head'"),
  standing("a decision that does not read", "UPDATE decision SET body = 'x'"),
  standing("takes that do not read", "UPDATE decision SET takes = 'x'"),
  standing("takes of no amount", `UPDATE decision SET takes = '[["own","much"]]'`),
  standing("a folded ledger that does not read", "INSERT INTO folded (id, body) VALUES (1, '{')"),
  standing("an outcome that does not read", "INSERT INTO outcome (batch, body) VALUES (99, 'x')"),
  standing(
    "a series that does not read",
    'INSERT INTO series (key, marks) VALUES (\'s\', \'x\'); INSERT INTO folded (id, body) VALUES (1, \'{"open":[],"used":[],"owed":[],"seq":0,"batch":0,"atMs":0}\')',
  ),
];

const record: readonly Point[] = [
  point("argument key", "throws", "at once", ({ parts }) => {
    parts.gate.argumentKey = throwing;
  }),
  ...[undefined, null, 7, {}].map((said) =>
    point("argument key", "lies", inWords(said), ({ parts }) => {
      parts.gate.argumentKey = () => lie(said);
    }),
  ),
  {
    ...point("log", "hangs", "50,000 rows wait for it", async (way) => {
      await way.askPatiently("call");
      way.parts.storage.sql.exec(
        `WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 50001)
       INSERT INTO decision (seq, at_ms, takes, body)
       SELECT i, 1, '[]', '{"kind":"decision","verdict":"denied","atMs":1,"seq":' || i || '}' FROM n`,
      );
      way.evict();
    }),
    late: true,
  },
  point(
    "inbox",
    "throws",
    "later",
    ({ parts }) => {
      parts.gate.list = rejecting;
    },
    "approval",
  ),
  point(
    "inbox",
    "hangs",
    "never answers",
    ({ parts }) => {
      parts.gate.list = hanging;
    },
    "approval",
  ),
  point(
    "seal",
    "throws",
    "at once",
    ({ parts }) => {
      parts.gate.seal = throwing;
    },
    "approval",
  ),
  point(
    "seal",
    "lies",
    "undefined",
    ({ parts }) => {
      parts.gate.seal = () => lie(undefined);
    },
    "approval",
  ),
];

/** What the gate asks before it lets a call through. */
export const gatePoints: readonly Point[] = [...snapshots, ...counters, ...clock, ...storage, ...record];
