import type { InboxStub, LogStub } from "../../src/api/deps.ts";
import type { ControlEntry } from "../../src/audit/entry.ts";
import type { Ask, Caller, GateStub } from "../../src/gate/rpc.ts";
import { approvalId, type EventId, type GrantId, type UserId } from "../../src/id.ts";
import type { ThrottleStub } from "../../src/identity/throttle.ts";
import type { TeamLog } from "../../src/index.ts";
import type { CounterStub } from "../../src/limit/reservation.ts";
import type { AccountStub } from "../../src/upstream/account.ts";

/*
 * Every method of every Durable Object, for the cross-tenant matrix (objects.test.ts). One without a row fails the test.
 *
 * To add one: `by` says on whose word the Worker calls it, and `call` calls it with the names that it is given. The matrix
 * calls it at objects that nobody has used, with the marked team's names and with names that nothing has: both must come
 * to the same. It calls it at the object of another team too, where no byte of the marked team may come back. What is called
 * on the word of a token alone takes a `caller`: there the matrix calls the marked team's own object for everybody who may not.
 */
export interface ObjectRow<Stub> {
  readonly by: "token" | "member" | "another object" | "platform";
  readonly call: (object: Stub, named: Named) => unknown;
}

/** What can be named to an object. */
export interface Named {
  readonly caller: Caller;
  readonly grant: GrantId;
}

const ask: Ask = {
  method: "tools/call",
  targets: [{ kind: "tool", name: "read" }],
  argumentsText: "{}",
  requestId: "req_1",
};
const event: ControlEntry = {
  kind: "control",
  id: "evt_1" as EventId,
  atMs: 0,
  requestId: "req_1",
  actor: "system",
  action: "grant.changed",
  subject: "grt_1",
  detail: {},
};
const cap = { windowMs: 60_000, unit: null, max: 1n };
const byPlatform = { by: "platform", call: () => undefined } as const;

const gate: Record<string, ObjectRow<GateStub>> = {
  admit: { by: "token", call: (object, { caller }) => object.admit(caller, ask) },
  view: { by: "token", call: (object, { caller }) => object.view(caller, "tools/list") },
  stands: { by: "token", call: (object, { caller }) => object.stands(caller, 1) },
  settle: {
    by: "token",
    call: (object) => object.settle([{ seq: 1, end: "answered", status: 200, bytes: 0, ms: 0 }]),
  },
  approvalState: { by: "token", call: (object) => object.approvalState(1) },
  usage: { by: "member", call: (object, { grant }) => object.usage(grant) },
  find: { by: "member", call: (object) => object.find(1) },
  approval: { by: "member", call: (object) => object.approval(1) },
  decide: {
    by: "member",
    call: (object) => object.decide(1, "approve", { by: "usr_1" as UserId, note: null }, event),
  },
  resolve: { by: "another object", call: (object, { grant }) => object.resolve([`${grant} 1`]) },
  // What a gate takes on is tried on its own (objects.test.ts).
  apply: { by: "member", call: () => undefined },
  forget: { by: "member", call: (object) => object.forget() },
  alarm: byPlatform,
};

const log: Record<string, ObjectRow<LogStub & InboxStub & Pick<TeamLog, "file" | "take">>> = {
  append: { by: "another object", call: (object) => object.append([event]) },
  take: { by: "another object", call: (object) => object.take({ calls: [], others: [event] }) },
  file: { by: "another object", call: (object) => object.file([]) },
  list: { by: "member", call: (object, { grant }) => object.list({ grant, limit: 10 }) },
  find: { by: "member", call: (object, { grant }) => object.find(grant, 1) },
  events: { by: "member", call: (object) => object.events(null, 10) },
  follow: { by: "member", call: (object) => object.follow(0, 10) },
  read: { by: "member", call: (object) => object.read(0, 10) },
  hashAt: { by: "member", call: (object) => object.hashAt(1) },
  checkpoints: { by: "member", call: (object) => object.checkpoints(0, 10) },
  verify: { by: "member", call: (object) => object.verify(null) },
  stats: {
    by: "member",
    call: (object) =>
      object.stats({ by: "grant", step: "day", fromMs: 0, toMs: Date.now(), after: null, limit: 10 }),
  },
  inbox: { by: "member", call: (object) => object.inbox({ limit: 10 }) },
  filed: { by: "member", call: (object, { grant }) => object.filed(approvalId(grant, 1)) },
  forget: { by: "member", call: (object) => object.forget() },
  alarm: byPlatform,
};

const counter: Record<string, ObjectRow<CounterStub>> = {
  reserve: {
    by: "another object",
    call: (object, { grant }) =>
      object.reserve(
        { id: "r1", gate: grant, amount: 1n, block: 0n, caps: [cap], zone: "UTC", epoch: 1 },
        [],
      ),
  },
  tell: { by: "another object", call: (object) => object.tell([{ id: "r1", end: "void" }]) },
  read: { by: "another object", call: (object) => object.read([cap], "UTC") },
  alarm: byPlatform,
};

const budget = { burst: 3, everyMs: 60_000 };
const throttle: Record<string, ObjectRow<ThrottleStub>> = {
  take: { by: "platform", call: (object) => object.take("sign_in", budget, null) },
  giveBack: { by: "platform", call: (object) => object.giveBack("sign_in", budget, null) },
  succeed: { by: "platform", call: (object) => object.succeed("sign_in", budget, null) },
  know: { by: "platform", call: (object) => object.know(null) },
  alarm: byPlatform,
};

const asked = { origin: "https://x.example", wrappedKey: "1.x", refused: null };
const account: Record<string, ObjectRow<AccountStub>> = {
  // What an account takes on is tried on its own (test/connect).
  adopt: { by: "member", call: () => undefined },
  access: { by: "another object", call: (object) => object.access(asked) },
  want: { by: "another object", call: (object) => object.want("admin") },
  forget: { by: "member", call: (object) => object.forget() },
};

/** By the name under which `src/index.ts` exports the class, with the binding that leads to its objects. */
export const objectRows = {
  GrantGate: { binding: "GATES", methods: gate },
  TeamLog: { binding: "LOGS", methods: log },
  SharedCounter: { binding: "COUNTERS", methods: counter },
  UpstreamAccount: { binding: "ACCOUNTS", methods: account },
  SignInThrottle: { binding: "THROTTLES", methods: throttle },
} as const;
