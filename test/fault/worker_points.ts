import { fault } from "../../src/fault.ts";
import type { Admission, View } from "../../src/gate/rpc.ts";
import { decisionId, type GrantId } from "../../src/id.ts";
import { readSigningKeys } from "../../src/identity/keys.ts";
import { hanging, inWords, lie, type Point, rejecting, throwing } from "./point.ts";
import type { Way } from "./way.ts";

type Allow = Extract<Admission, { effect: "allow" }>;
type Seen = Extract<View, { effect: "view" }>;

const stranger = "grt_00000000000000000000000001" as GrantId;
// RFC 8032, 7.1, test 2: a good key, and not ours.
const foreignKey = {
  kty: "OKP",
  crv: "Ed25519",
  d: "TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs",
  x: "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw",
};

/** The gate's true Allow, changed: a call that was let through, and told of wrongly. */
const admitted = (what: string, change: (allow: Allow) => unknown): Point => ({
  at: "gate.admit",
  how: "lies",
  what: `an Allow ${what}`,
  on: "call",
  breaks: (way) => {
    way.parts.stub.admit = async (caller, ask) => {
      const admission = await way.gate.admit(caller, ask);
      return lie(admission.effect === "allow" ? change(admission) : admission);
    };
  },
});

const viewed = (what: string, change: (view: Seen) => unknown): Point => ({
  at: "gate.view",
  how: "lies",
  what: `a view ${what}`,
  on: "list",
  breaks: (way) => {
    way.parts.stub.view = async (caller, method) => {
      const view = await way.gate.view(caller, method);
      return lie(view.effect === "view" ? change(view) : view);
    };
  },
});

const point = (
  at: string,
  how: Point["how"],
  what: string,
  breaks: (way: Way) => void | Promise<void>,
  on: Point["on"] = "call",
): Point => ({ at, how, what, on, breaks });

const without =
  (name: string) =>
  (whole: object): unknown =>
    Object.fromEntries(Object.entries(whole).filter(([key]) => key !== name));

const nonsense: readonly unknown[] = [undefined, null, true, "allow", {}, [], { effect: "permit" }];

const keys: readonly Point[] = [
  point("keys", "lies", "there is none", ({ parts }) => {
    parts.worker.keys = { ...parts.worker.keys, verifiers: new Map() };
  }),
  point("keys", "lies", "another's, under our name", async ({ parts }) => {
    const foreign = await readSigningKeys(JSON.stringify([foreignKey]));
    const [kid] = parts.worker.keys.verifiers.keys();
    parts.worker.keys = { ...foreign, verifiers: new Map([[kid ?? "", foreign.signer.key]]) };
  }),
  point("keys", "throws", "at a look-up", ({ parts }) => {
    parts.worker.keys = { ...parts.worker.keys, verifiers: lie({ get: throwing }) };
  }),
  point("verified tokens", "throws", "at get", ({ parts }) => {
    parts.worker.verified.get = throwing;
  }),
  point("verified tokens", "throws", "at set", ({ parts }) => {
    parts.worker.verified.set = throwing;
  }),
  ...[true, "grt_1", {}, [], { grant: null, team: null, bearer: null }, { grant: stranger }].map((said) =>
    point("verified tokens", "lies", inWords(said), ({ parts }) => {
      parts.worker.verified.get = () => lie(said);
    }),
  ),
];

const sessions: readonly Point[] = [
  point("sessions", "throws", "at once", ({ parts }) => {
    parts.worker.sessions.open = throwing;
  }),
  point("sessions", "throws", "later", ({ parts }) => {
    parts.worker.sessions.open = rejecting;
  }),
  ...[undefined, true, "s", {}, [], { server: "srv_00000000000000000000000001", upstreamId: "x" }].map(
    (said) =>
      point("sessions", "lies", inWords(said), ({ parts }) => {
        parts.worker.sessions.open = async () => lie(said);
      }),
  ),
  point("request states", "throws", "later", ({ parts }) => {
    parts.worker.states.resume = rejecting;
  }),
  ...[undefined, null, {}, { message: null }].map((said) =>
    point("request states", "lies", inWords(said), ({ parts }) => {
      parts.worker.states.resume = async () => lie(said);
    }),
  ),
];

const gate: readonly Point[] = [
  point("gate", "throws", "cannot be addressed", ({ parts }) => {
    parts.worker.gate = throwing;
  }),
  ...[undefined, null, {}].map((said) =>
    point("gate", "lies", inWords(said), ({ parts }) => {
      parts.worker.gate = () => lie(said);
    }),
  ),
  point("gate.admit", "throws", "at once", ({ parts }) => {
    parts.stub.admit = throwing;
  }),
  point("gate.admit", "throws", "later", ({ parts }) => {
    parts.stub.admit = rejecting;
  }),
  point("gate.admit", "hangs", "never answers", ({ parts }) => {
    parts.stub.admit = hanging;
  }),
  point("gate.admit", "hangs", "allows after 11 s", (way) => {
    way.parts.stub.admit = async (caller, ask) => {
      const admission = await way.gate.admit(caller, ask);
      await new Promise((done) => setTimeout(done, 11_000));
      return admission;
    };
  }),
  ...[...nonsense, { effect: "allow" }, { effect: "deny" }, { effect: "gone" }, { effect: "full" }].map(
    (said) =>
      point("gate.admit", "lies", inWords(said), ({ parts }) => {
        parts.stub.admit = async () => lie(said);
      }),
  ),
  admitted("without a decision", without("decision")),
  admitted("with a decision that is none", (allow) => ({ ...allow, decision: "dec_1" })),
  admitted("with another grant's decision", (allow) => ({ ...allow, decision: decisionId(stranger, 1) })),
  admitted("without an epoch", without("epoch")),
  admitted("without an upstream", without("upstream")),
  admitted("without a URL", (allow) => ({ ...allow, upstream: without("url")(allow.upstream) })),
  admitted("with a URL that is none", (allow) => ({ ...allow, upstream: { ...allow.upstream, url: "up" } })),
  admitted("for a server of this machine", (allow) => ({
    ...allow,
    upstream: { ...allow.upstream, url: "http://127.0.0.1:1/mcp" },
  })),
  admitted("for another server than the session's", (allow) => ({
    ...allow,
    upstream: { ...allow.upstream, serverId: "srv_00000000000000000000000001" },
  })),
  admitted("without limits", without("limits")),
  admitted("with limits that are none", (allow) => ({ ...allow, limits: "none" })),
  admitted("with a credential of another server", (allow) => ({
    ...allow,
    upstream: { ...allow.upstream, credential: { wrappedKey: "x", value: "y" } },
  })),
  admitted("without saying whether it needs a credential", (allow) => ({
    ...allow,
    upstream: without("credential")(allow.upstream),
  })),
  point(
    "gate.view",
    "throws",
    "later",
    ({ parts }) => {
      parts.stub.view = rejecting;
    },
    "list",
  ),
  point(
    "gate.view",
    "hangs",
    "never answers",
    ({ parts }) => {
      parts.stub.view = hanging;
    },
    "list",
  ),
  ...[...nonsense, { effect: "view" }, { effect: "gone" }].map((said) =>
    point(
      "gate.view",
      "lies",
      inWords(said),
      ({ parts }) => {
        parts.stub.view = async () => lie(said);
      },
      "list",
    ),
  ),
  viewed("of an effect that there is not", (view) => ({ ...view, effect: "permit" })),
  viewed("without saying whether it is refused", without("refused")),
  viewed("without a filter", without("listed")),
  viewed("without a filter for tools", (view) => ({ ...view, listed: without("tools")(view.listed) })),
  viewed("without an upstream", without("upstream")),
];

const credential: readonly Point[] = [
  point("credential", "throws", "at once", ({ parts }) => {
    parts.worker.credential = throwing;
  }),
  point("credential", "throws", "later", ({ parts }) => {
    parts.worker.credential = rejecting;
  }),
  point("credential", "throws", "a fault", ({ parts }) => {
    parts.worker.credential = async () => fault("misconfigured", "It cannot be read.");
  }),
  ...[undefined, null, true, 7, "Bearer x", ["Bearer x"], { Authorization: 7 }, { "Bad Header": "x" }].map(
    (said) =>
      point("credential", "lies", inWords(said), ({ parts }) => {
        parts.worker.credential = async () => lie(said);
      }),
  ),
];

const rest: readonly Point[] = [
  point("guard rules", "lies", "there are none", ({ parts }) => {
    parts.worker.forward = { ...parts.worker.forward, rules: lie(undefined) };
  }),
  point("traffic", "throws", "at once", ({ parts }) => {
    parts.worker.traffic.enter = throwing;
  }),
  point("traffic", "throws", "later", ({ parts }) => {
    parts.worker.traffic.enter = rejecting;
  }),
  point("waitUntil", "throws", "at once", ({ parts }) => {
    parts.worker.waitUntil = throwing;
  }),
  point("worker's clock", "throws", "at once", ({ parts }) => {
    parts.worker.now = throwing;
  }),
  ...[Number.NaN, Number.POSITIVE_INFINITY, undefined, "now", 1e15, 0, -1].map((said) =>
    point("worker's clock", "lies", inWords(said), ({ parts }) => {
      parts.worker.now = () => lie(said);
    }),
  ),
  point("worker's randomness", "throws", "at once", ({ parts }) => {
    parts.worker.random = throwing;
  }),
  ...[undefined, null, "random"].map((said) =>
    point("worker's randomness", "lies", inWords(said), ({ parts }) => {
      parts.worker.random = () => lie(said);
    }),
  ),
];

/** What the Worker asks on a call's way to the gate and from there to the upstream. */
export const workerPoints: readonly Point[] = [...keys, ...sessions, ...gate, ...credential, ...rest];
