import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Approval,
  annul,
  approve,
  ask,
  asOf,
  refuse,
  strictest,
  use,
  type Vote,
} from "../../src/approval/approval.ts";
import { bar } from "../../src/approval/decider.ts";
import { type Bound, fingerprint } from "../../src/approval/fingerprint.ts";
import type { ApprovalId, GrantId, ServerId, UserId } from "../../src/id.ts";

const terms = { approvers: "approver", expires: 10, quorum: 1, hold: 0 } as const;
const asked = {
  id: "apr_1" as ApprovalId,
  grant: "grt_1" as GrantId,
  server: { id: "srv_1" as ServerId, slug: "bank" },
  method: "tools/call",
  targets: [{ kind: "tool", name: "pay" }],
  fingerprint: "f",
  rule: "/tools/pay/action",
  reason: "Look.",
  client: null,
  atMs: 0,
} as const;
const vote = (by: string, atMs: number): Vote => ({ by: by as UserId, atMs, note: null });

const step = fc.record({
  what: fc.constantFrom("approve", "refuse", "use", "annul"),
  by: fc.constantFrom("a", "b", "c"),
  afterMs: fc.integer({ min: 0, max: 4_000 }),
});

/** What a step makes of an approval; one that is not taken leaves it as it is. */
function taken(approval: Approval, { what, by }: { what: string; by: string }, atMs: number): Approval {
  if (what === "annul") return annul(approval, "edited", atMs);
  if (what === "use") {
    const now = asOf(approval, atMs);
    return now.state === "approved" ? use(approval, atMs) : now;
  }
  const decided = (what === "approve" ? approve : refuse)(approval, vote(by, atMs));
  return decided.ok ? decided.approval : asOf(approval, atMs);
}

describe("an approval", () => {
  it("goes only forward, is never used without its quorum of different people, and never past its time", () => {
    const quorum = fc.integer({ min: 1, max: 3 });
    fc.assert(
      fc.property(quorum, fc.array(step, { maxLength: 12 }), (needed, steps) => {
        let [approval, atMs, used] = [ask(asked, { ...terms, quorum: needed }), 0, 0];
        for (const one of steps) {
          atMs += one.afterMs;
          const before = asOf(approval, atMs);
          const next = taken(approval, one, atMs);
          expect(next.version).toBeGreaterThanOrEqual(before.version);
          if (!["pending", "approved"].includes(before.state)) expect(next).toEqual(before);
          if (before.state === "approved") expect(next.state).not.toBe("pending");
          if (next.state === "approved" || next.state === "used") {
            expect(new Set(next.votes.map(({ by }) => by)).size).toBe(needed);
          }
          if (next.state === "used" && before.state !== "used") {
            used += 1;
            expect(atMs).toBeLessThan(10_000);
          }
          approval = next;
        }
        expect(used).toBeLessThanOrEqual(1);
      }),
      { numRuns: 5_000 },
    );
  });

  it("that is not approved throws where somebody would use it", () => {
    expect(() => use(ask(asked, terms), 0)).toThrow("pending");
  });

  it("satisfies every rule that asks", () => {
    const strict = { approvers: "admin", expires: 60, quorum: 2, hold: 30 } as const;
    expect(strictest({ ...terms, expires: 900 }, strict)).toEqual(strict);
    expect(strictest(strict, { ...terms, quorum: 5 })).toEqual({ ...strict, expires: 10, quorum: 5 });
  });
});

const bound: Bound = {
  grant: "grt_1" as GrantId,
  method: "tools/call",
  targets: [{ kind: "tool", name: "pay" }],
  arguments: '{"amount":7}',
  others: null,
  basis: {
    server: "srv_1" as ServerId,
    teamPolicy: null,
    serverPolicy: "pol_1 3",
    definitions: { pay: "h" },
  },
};

describe("a fingerprint", () => {
  it.each<[string, Partial<Bound>]>([
    ["grant", { grant: "grt_2" as GrantId }],
    ["method", { method: "prompts/get" }],
    ["target's name", { targets: [{ kind: "tool", name: "pay2" }] }],
    ["target's kind", { targets: [{ kind: "prompt", name: "pay" }] }],
    ["number of targets", { targets: [...bound.targets, ...bound.targets] }],
    ["arguments", { arguments: '{"amount":8}' }],
    ["lack of arguments", { arguments: null }],
    ["other parameters", { others: "{}" }],
    ["server", { basis: { ...bound.basis, server: "srv_2" as ServerId } }],
    ["server's policy", { basis: { ...bound.basis, serverPolicy: "pol_1 4" } }],
    ["lack of a policy", { basis: { ...bound.basis, serverPolicy: null } }],
    ["team's policy", { basis: { ...bound.basis, teamPolicy: "pol_2 1" } }],
    ["definition", { basis: { ...bound.basis, definitions: { pay: "i" } } }],
    ["definition of a tool inside", { basis: { ...bound.basis, definitions: { pay: "h", send: "h" } } }],
    [
      "policy that stands in the other's place",
      {
        basis: { ...bound.basis, teamPolicy: "pol_1 3", serverPolicy: null },
      },
    ],
  ])("is another for another %s", (_, change) => {
    expect(fingerprint({ ...bound, ...change })).not.toBe(fingerprint(bound));
  });

  it("is one for definitions in any order", () => {
    const ordered = (definitions: Record<string, string>) =>
      fingerprint({ ...bound, basis: { ...bound.basis, definitions } });
    expect(ordered({ a: "1", b: "2" })).toBe(ordered({ b: "2", a: "1" }));
  });

  it("cannot be had by moving text from one part to the next", () => {
    const part = fc.string({ maxLength: 6, unit: fc.constantFrom("a", "1", ":", "0", " ") });
    fc.assert(
      fc.property(part, part, part, part, (a, b, c, d) => {
        fc.pre(a !== c || b !== d);
        const print = (method: string, args: string) => fingerprint({ ...bound, method, arguments: args });
        expect(print(a, b)).not.toBe(print(c, d));
      }),
    );
  });
});

describe("who may approve", () => {
  const person = (role: "admin" | "approver" | "none") => ({
    id: "usr_1" as UserId,
    admin: role === "admin",
    approver: role === "approver",
  });
  const theirs = { member: "usr_1" as UserId, creator: "usr_2" as UserId };
  const made = { member: null, creator: "usr_1" as UserId };
  const foreign = { member: "usr_3" as UserId, creator: "usr_2" as UserId };

  it.each([
    ["approver", "none", foreign, true, "role"],
    ["approver", "approver", foreign, true, null],
    ["approver", "admin", foreign, true, null],
    ["admin", "approver", foreign, false, "role"],
    ["admin", "admin", foreign, true, null],
    ["approver", "approver", theirs, true, "own"],
    ["approver", "approver", made, true, "own"],
    ["approver", "approver", theirs, false, null],
    ["admin", "admin", made, true, "own"],
    ["admin", "admin", made, false, null],
  ] as const)(
    "where %s is asked, a person with the role %s, …",
    (approvers, role, owners, others, barred) => {
      expect(bar({ approvers }, person(role), owners, others)).toBe(barred);
    },
  );
});
