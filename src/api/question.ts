import * as z from "zod/mini";
import { type Fault, fault } from "../fault.ts";
import { readJson } from "../json/read.ts";
import type { Json, JsonObject } from "../json/value.ts";
import type { Call, Context, Question, ToolFacts } from "../policy/evaluate.ts";
import { classify } from "../risk/classify.ts";

const name = z.string().check(z.minLength(1), z.maxLength(16_384));

/** A call as a person writes it down. */
export const callShape = z
  .strictObject({
    method: z.optional(z.string().check(z.minLength(1), z.maxLength(128))),
    name: z.optional(name),
    arguments: z.optional(z.record(z.string(), z.unknown())),
    arguments_json: z.optional(z.string()),
  })
  .check(
    z.describe(
      "`method` is tools/call if absent; `name` is the tool, the prompt or the resource's URI; `arguments_json` is the arguments' text.",
    ),
  );

const fact = z.optional(z.string().check(z.maxLength(1_000)));

/** Who calls and when. What is absent is as if nobody knew it; `now` is the moment of asking, in UTC. */
export const contextShape = z.strictObject({
  server: z.optional(z.strictObject({ name: fact })),
  grant: z.optional(z.strictObject({ label: fact, tags: z.optional(z.array(z.string())) })),
  member: z.optional(z.nullable(z.strictObject({ email: fact, role: fact }))),
  client: z.optional(z.nullable(z.strictObject({ name: fact }))),
  tool: z.optional(z.strictObject({ category: fact, risk: fact })),
  now: z.optional(
    z
      .union([
        z.iso.datetime({ offset: true }),
        z.strictObject({
          hour: z.int().check(z.minimum(0), z.maximum(23)),
          weekday: z.int().check(z.minimum(1), z.maximum(7)),
          date: z.iso.date(),
        }),
      ])
      .check(
        z.describe("An RFC 3339 time, read in its own offset, or the team's local hour, weekday and date."),
      ),
  ),
  frozen: z.optional(z.enum(["off", "writes", "all"])),
});

/** The server's tools: names, or definitions as `tools/list` gives them, which are classified like those of a server. */
export const toolsShape = z
  .array(
    z.union([
      name,
      z.looseObject({ name, category: fact, risk: fact, quarantined: z.optional(z.boolean()) }),
    ]),
  )
  .check(z.maxLength(2_000));

type CallBody = z.output<typeof callShape>;
type ContextBody = z.output<typeof contextShape>;

const kinds: ReadonlyMap<string, Call["kind"]> = new Map([
  ["tools/call", "tool"],
  ["prompts/get", "prompt"],
  ["resources/read", "resource"],
  ["resources/subscribe", "resource"],
]);
const kindsIfNamed: ReadonlyMap<string, Call["kind"]> = new Map([
  ["resources/unsubscribe", "resource"],
  ["subscriptions/listen", "resource"],
]);

const usualMethod = "tools/call";

/** Whether the message names nothing, so that only `methods` judges it. */
export const namesNothing = ({ method = usualMethod, name }: CallBody): boolean =>
  name === undefined && !kinds.has(method);

/** The call to judge; its arguments come from the request's own text, so that numbers stay as written. */
export function readCall(body: CallBody, tree: Json | undefined): Call | Fault {
  const { method = usualMethod, name } = body;
  if (name === undefined) return wrong("/call/name", `${method} needs a name`);
  const kind = kinds.get(method) ?? kindsIfNamed.get(method) ?? completed(method, name);
  if (!kind) return wrong("/call/name", `${method} names nothing: leave it out`);
  const args = readArguments(body, tree);
  return isProblem(args) ? wrong(args.pointer, args.message) : { method, kind, name, arguments: args };
}

/** `completion/complete` is about a prompt or about a resource; only the latter's name is a URI. */
function completed(method: string, name: string): Call["kind"] | null {
  if (method !== "completion/complete") return null;
  return /^[a-z][a-z0-9+.-]*:/i.test(name) ? "resource" : "prompt";
}

interface Problem {
  readonly pointer: string;
  readonly message: string;
}

const isProblem = (value: JsonObject | Problem | undefined): value is Problem =>
  value !== undefined && !(value instanceof Map);

function readArguments(body: CallBody, tree: Json | undefined): JsonObject | Problem | undefined {
  const written = tree instanceof Map ? tree.get("arguments") : undefined;
  if (body.arguments_json === undefined) return written instanceof Map ? written : undefined;
  const pointer = "/call/arguments_json";
  if (written !== undefined) return { pointer, message: "give arguments or arguments_json, not both" };
  const read = readJson(body.arguments_json);
  if (!read.ok) return { pointer, message: `${read.problem} (at character ${read.offset})` };
  return read.value instanceof Map ? read.value : { pointer, message: "arguments are an object" };
}

const wrong = (pointer: string, message: string): Fault =>
  fault("invalid", "The request has mistakes; `errors` says where.", [{ pointer, message }]);

type Known = Required<Pick<Question, "tools" | "quarantined">>;

/** The pins to judge by. Without a list every name that the call uses counts as known. */
export function toolsOf(list: Json | undefined, call: Call, context: ContextBody | undefined): Known {
  const { category, risk } = context?.tool ?? {};
  const tools: Map<string, ToolFacts> = Array.isArray(list) ? new Map(list.map(toolOf)) : new AnyTool();
  if (context?.tool || !Array.isArray(list)) {
    const known = tools.get(call.name);
    const facts = { category: category ?? known?.category ?? "", risk: risk ?? known?.risk ?? "" };
    if (tools.has(call.name)) tools.set(call.name, facts);
  }
  const held = Array.isArray(list) ? list.filter(isQuarantined).map(nameOf) : [];
  return { tools, quarantined: new Set(held) };
}

/** Knows every name, and nothing of those that it was not told about. */
class AnyTool extends Map<string, ToolFacts> {
  override has(): boolean {
    return true;
  }
}

const nameOf = (tool: Json): string => {
  const found = tool instanceof Map ? tool.get("name") : tool;
  return typeof found === "string" ? found : "";
};

const isQuarantined = (tool: Json): boolean => tool instanceof Map && tool.get("quarantined") === true;

function toolOf(tool: Json): [string, ToolFacts] {
  if (!(tool instanceof Map)) return [nameOf(tool), { category: "", risk: "" }];
  const [category, risk] = [tool.get("category"), tool.get("risk")];
  const classed = classify(tool);
  return [
    nameOf(tool),
    {
      category: typeof category === "string" ? category : classed.category,
      risk: typeof risk === "string" ? risk : classed.level,
    },
  ];
}

/** The facts of the call, with nothing where nothing was said. */
export function contextOf(body: ContextBody | undefined, nowMs: number): Context {
  const { server, grant, member, client, now } = body ?? {};
  return {
    server: { name: server?.name ?? "" },
    grant: { label: grant?.label ?? "", tags: grant?.tags ?? [] },
    member: member ? { email: member.email ?? "", role: member.role ?? "" } : null,
    client: client ? { name: client.name ?? "" } : null,
    now: typeof now === "object" ? now : wallClock(now ?? new Date(nowMs).toISOString()),
  };
}

/** What a clock on the wall shows at an RFC 3339 time, where that offset is kept. */
function wallClock(time: string): Context["now"] {
  const date = time.slice(0, 10);
  return { hour: Number(time.slice(11, 13)), weekday: new Date(date).getUTCDay() || 7, date };
}
