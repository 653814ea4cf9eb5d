import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { openApi } from "../../src/api/openapi.ts";
import type { Operation } from "../../src/api/operation.ts";
import { operations } from "../../src/api/operations.ts";
import { sizeOf } from "../support/size.ts";
import { operationRows } from "../tenancy/operation_rows.ts";
import { ControlPlane, ready, seenTool } from "./control_plane.ts";
import { openPolicy, TeamSetting } from "./team_setting.ts";

const { runs: numRuns, seed, within } = sizeOf("REQUEST", 50);
// What waits for the database need not keep the next.
const together = 10;

let plane: ControlPlane;
let team: TeamSetting;
let names: Record<string, string>;

const upstream = "https://generated.example/mcp";
const tests = [
  {
    name: "t",
    call: { name: "a", arguments: { x: 1 } },
    tools: ["a"],
    context: {},
    expect: "allow",
    rule: "",
  },
];
const credential = { id: "AAAA", rawId: "AAAA", type: "public-key" };
const registration = {
  ...credential,
  response: { clientDataJSON: "AAAA", attestationObject: "AAAA", transports: ["usb"] },
};
const assertion = {
  ...credential,
  response: { clientDataJSON: "AAAA", authenticatorData: "AAAA", signature: "AAAA", userHandle: null },
};
const valid: Record<string, unknown> = {
  signup: { email: "a@example.com", password: "correct horse", team: "T" },
  login: { email: "a@example.com", password: "wrong" },
  login_second_factor: { challenge: "c", code: "123456" },
  login_passkey: { challenge: "c", passkey: assertion },
  begin_totp: { password: "wrong" },
  confirm_totp: { code: "123456" },
  remove_totp: { password: "wrong" },
  renew_recovery_codes: { password: "wrong", second_factor: { challenge: "c", code: "r" } },
  passkey_options: { password: "wrong" },
  create_passkey: { challenge: "c", name: "n", passkey: registration },
  rename_passkey: { name: "n" },
  delete_passkey: { password: "wrong", second_factor: { challenge: "c", passkey: assertion } },
  create_team: { name: "Another" },
  update_team: { name: "x", zone: "Europe/Berlin", frozen: "off", second_factor_required: false },
  delete_team: { slug: "another" },
  transfer_team: { to: "nobody", stay: "viewer" },
  invite_member: { email: "a@example.com", role: "viewer", approver: true, auditor: true },
  accept_invitation: { token: "t" },
  update_member: { role: "admin", approver: true, auditor: false },
  save_team_policy: { document: openPolicy, note: "n" },
  create_server: { name: "x", url: upstream, auth: { type: "headers", headers: { "X-Key": "k" } } },
  update_server: { name: "x", url: upstream, auth: { type: "none" } },
  accept_tool: { hash: "a".repeat(64) },
  reject_tool: { hash: "a".repeat(64) },
  create_policy: { name: "x", document: openPolicy, tests, note: "n" },
  save_policy: { document: { ...openPolicy, tools: { a: { limits: [] } } }, tests, note: "n" },
  rollback_policy: { revision: 1 },
  validate_policy: { document: openPolicy },
  import_policy: { format: "intercept", yaml: "version: 1\nrules: []\n" },
  simulate_policy: { document: openPolicy, last: 5, grant: "ci", from: "2026-11-02T09:00:00Z" },
  evaluate_policy: {
    document: openPolicy,
    team_document: openPolicy,
    call: { method: "tools/call", name: "a", arguments: { x: 1 } },
    tools: ["b", { name: "a", inputSchema: { type: "object" } }],
    context: {
      member: { email: "e", role: "admin" },
      grant: { label: "x", tags: ["t"] },
      now: "2026-11-02T09:00:00Z",
    },
  },
  create_grant: { label: "x", tags: ["t"], member: null, servers: [{ server: "tools", policy: "open" }] },
  update_grant: { label: "x", tags: [], servers: [{ server: "tools", policy: null }] },
  create_hook: { url: "https://x.example", events: ["approval.requested"] },
  approve_approval: { note: "n" },
  refuse_approval: { note: "n" },
  rotate_grant: { overlap_seconds: 1 },
};

beforeAll(async () => {
  plane = await ControlPlane.start();
  plane.upstreams.set(upstream, ready(seenTool("read_a")));
  team = await TeamSetting.on(plane, "Generated");
  const server = await team.server("Tools");
  const policy = await team.policy("tools", "Open");
  const grant = await team.grant("tools", "open");
  const { slug } = team.person.team;
  const user = team.person.id;
  names = { team: slug, server: server.slug, policy: policy.id, grant: grant.id, tool: "read_a", user };
});

/** The body with any one part of it, chosen by `at`, replaced, removed or joined by a stranger. */
function mutated(body: unknown, at: number, how: "replace" | "remove" | "add", value: unknown): unknown {
  const copy = structuredClone(body);
  const places = parents(copy);
  const [parent, key] = places[at % places.length] ?? [copy as Record<string, unknown>, "x"];
  if (how === "replace") parent[key] = value;
  if (how === "remove") delete parent[key];
  if (how === "add") parent[`${key}_x`] = value;
  return copy;
}

function parents(value: unknown): [Record<string, unknown>, string][] {
  if (typeof value !== "object" || value === null) return [];
  const object = value as Record<string, unknown>;
  return Object.keys(object).flatMap(
    (key) => [[object, key], ...parents(object[key])] as [typeof object, string][],
  );
}

const strange = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: "binary" }).map((text) => text.toWellFormed()),
  fc.constantFrom(
    -1,
    0,
    1e300,
    1.5,
    "",
    " ",
    "\u0000",
    "x".repeat(5000),
    [],
    {},
    null,
    "null",
    "../..",
    "'; --",
  ),
);

const document = openApi(operations);

/** The names of an operation's parameters, as our own OpenAPI document has them. */
function parametersOf({ path, method }: Operation, where: "path" | "query"): string[] {
  const { parameters = [] } = document.paths[path]?.[method] ?? {};
  return (parameters as readonly { in: string; name: string }[])
    .filter((one) => one.in === where)
    .map(({ name }) => name);
}

const text = fc.oneof(
  fc
    .string({ unit: "binary", minLength: 1 })
    .filter((one) => !/^\.{1,2}$/.test(one))
    .map((one) => one.toWellFormed()),
  fc.constantFrom(
    // Not `..`, which leads to another operation before anybody here sees it.
    "...",
    "%00",
    "\u0000",
    "null",
    "-1",
    "1e300",
    "'; --",
    "x".repeat(3000),
    "tools",
    "read_a",
    "[]",
  ),
);

/** An address of the operation's, with parts of it exchanged. One that could end what the others need never is a real one. */
function address(operation: Operation): fc.Arbitrary<string> {
  const ends = operation.method !== "get" && !operation.body;
  const segments = parametersOf(operation, "path").map((name) => {
    const real = names[name];
    const strangeOnly = real === undefined || (ends && name !== "team");
    return fc.tuple(fc.constant(name), strangeOnly ? text : fc.oneof(fc.constant(real), text));
  });
  const keys = parametersOf(operation, "query");
  const query = fc.array(fc.tuple(fc.constantFrom(...keys, "unknown"), text), { maxLength: 4 });
  return fc.tuple(fc.tuple(...segments), query).map(([given, asked]) => {
    const values = new Map(given);
    const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name) =>
      encodeURIComponent(values.get(name) ?? ""),
    );
    return asked.length === 0 ? path : `${path}?${new URLSearchParams(asked)}`;
  });
}

/** A body that the operation could take: one from here, or else the cross-tenant matrix's. */
const bodyOf = (id: string): unknown => valid[id] ?? operationRows[id]?.body ?? {};

const mutation = fc.tuple(
  fc.nat(20),
  fc.constantFrom("replace" as const, "remove" as const, "add" as const),
  strange,
);

describe("a request with anything wrong in it is answered as declared, never with a failure of ours", () => {
  it.each(operations.map((operation) => [operation.id, operation] as const))(
    "%s",
    async (id, operation) => {
      const { method, path, body } = operation;
      const real = path.replaceAll(/\{(\w+)\}/g, (_, name) => names[name] ?? "absent");
      // What would end the session that everything here needs is asked for without one.
      const alone = method !== "get" && !body && parametersOf(operation, "path").length === 0;
      const asked = alone ? {} : { token: team.person.token };
      const elsewhere = address(operation).map((at) => ({ at, sent: bodyOf(id) }));
      const otherwise = mutation.map(([n, how, value]) => ({
        at: real,
        sent: mutated(bodyOf(id), n, how, value),
      }));
      const one = body ? fc.oneof(otherwise, otherwise, elsewhere) : elsewhere;
      const answerTo = ({ at, sent }: { at: string; sent: unknown }) =>
        id === "follow_log"
          ? opened(at)
          : plane.ask(method.toUpperCase(), at, { ...asked, ...(body ? { body: sent } : {}) });
      await fc.assert(
        fc.asyncProperty(fc.array(one, { minLength: together, maxLength: together }), async (requests) => {
          for (const { status, text } of await Promise.all(requests.map(answerTo))) {
            expect(status, text).toBeLessThan(500);
          }
        }),
        { numRuns: Math.ceil(numRuns / together), seed },
      );
    },
    within(20_000),
  );
});

/** The answer to a request whose body need not end. */
async function opened(at: string): Promise<{ status: number; text: string }> {
  const response = await plane.open(at, { token: team.person.token });
  await response.body?.cancel();
  return { status: response.status, text: at };
}
