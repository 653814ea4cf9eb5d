import { env } from "cloudflare:test";
import type { ControlEntry } from "../../src/audit/entry.ts";
import type { Admission, Ask, Caller, GateStub } from "../../src/gate/rpc.ts";
import type { Pin, Snapshot } from "../../src/gate/snapshot.ts";
import { approvalParts, newId, type UserId } from "../../src/id.ts";

const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));
const event = (): ControlEntry => ({
  kind: "control",
  id: newId("evt", random),
  atMs: 0,
  requestId: "req_1",
  actor: "usr_1",
  action: "approval.approved",
  subject: "apr_1",
  detail: {},
});

const document = {
  version: "1",
  default: "deny",
  tools: {
    pay: {
      approve_if: [
        { conditions: [{ path: "args.amount", op: "gt", value: 500 }], reason: "Over 500 needs a person." },
      ],
      limits: [{ counter: "pay", window: "hour", max: 3, scope: "grant" }],
    },
    transfer: { action: "approve", approve: { expires: 60 } },
    wipe: { action: "approve", approve: { approvers: "admin", expires: 60, quorum: 2, hold: 30 } },
    batch: { nested: { each: "args.steps[*]", tool: "tool", arguments: "params" } },
  },
};

const pin = (name: string): Pin => ({ name, hash: `hash of ${name}`, category: "Execute", level: "high" });

/** An agent that holds a grant on a bank, and the people who decide for it. */
export class Agent {
  snapshot: Snapshot;
  readonly caller: Caller;
  readonly gate: DurableObjectStub & GateStub;

  constructor() {
    const [grant, team, jti] = [newId("grt", random), newId("tm", random), newId("jti", random)];
    const laterMs = Date.now() + 3_600_000;
    this.snapshot = {
      epoch: 1,
      team: { id: team, slug: "acme", zone: "UTC", frozen: "off", policy: null },
      grant: {
        id: grant,
        label: "agent",
        tags: [],
        revoked: false,
        expiresAtMs: laterMs,
        tokens: [{ jti, notAfterMs: laterMs }],
        member: null,
      },
      routes: [
        {
          server: { id: newId("srv", random), slug: "bank", name: "bank", url: "https://bank.example/mcp" },
          credential: null,
          policy: { id: newId("pol", random), name: "p", revision: 1, text: JSON.stringify(document) },
          pins: ["pay", "transfer", "wipe", "batch"].map(pin),
          unpinned: false,
        },
      ],
    };
    this.caller = { grant, team, bearer: { kind: "token", jti }, teamSlug: "acme", serverSlug: "bank" };
    this.gate = env.GATES.get(env.GATES.idFromName(grant)) as unknown as Agent["gate"];
  }

  call(name: string, args: unknown, change: Partial<Ask> = {}, on: GateStub = this.gate): Promise<Admission> {
    return on.admit(this.caller, {
      method: "tools/call",
      targets: [{ kind: "tool", name }],
      argumentsText: typeof args === "string" ? args : JSON.stringify(args),
      requestId: "req_1",
      ...change,
    });
  }

  /** Calls, and gives the number of the approval that the call waits for. */
  async ask(name: string, args: unknown): Promise<number> {
    return waiting(await this.call(name, args));
  }

  approve(seq: number, by = "usr_a") {
    return this.gate.decide(seq, "approve", { by: by as UserId, note: null }, event());
  }

  refuse(seq: number, note: string | null = null) {
    return this.gate.decide(seq, "refuse", { by: "usr_a" as UserId, note }, event());
  }

  async apply(change: (snapshot: Snapshot) => Partial<Snapshot>): Promise<void> {
    this.snapshot = { ...this.snapshot, ...change(this.snapshot), epoch: this.snapshot.epoch + 1 };
    await this.gate.apply(this.snapshot);
  }

  inbox() {
    return env.LOGS.get(env.LOGS.idFromName(this.caller.team)).inbox({ limit: 10 });
  }
}

/** The number of the approval that a call waits for. */
export function waiting(admission: Admission): number {
  if (admission.effect !== "deny" || !admission.waitsFor) throw new Error(`not waiting: ${admission.effect}`);
  return approvalParts(admission.waitsFor.id)?.seq ?? -1;
}

/** How a call fared, in one word. */
export const outcome = (admission: Admission): string =>
  admission.effect === "deny" ? admission.refusal.outcome : admission.effect;
