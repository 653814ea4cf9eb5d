import { createHash } from "node:crypto";
import { type Fault, fault, isFault } from "../fault.ts";
import type { UserId } from "../id.ts";
import { canonicalJson } from "../json/write.ts";
import { claimKey, type Keyed, keepAnswer, releaseKey } from "../store/idempotency.ts";
import { derivedKey, openBytes, sealBytes, versionOf } from "../upstream/aead.ts";
import type { ApiDeps } from "./deps.ts";
import type { Call, Operation } from "./operation.ts";
import { Exact, type Reply, reply, writeBody } from "./reply.ts";

const keptMs = 24 * 3_600_000;
// Answers are mostly small; a server's whole list of tools is not worth keeping twice.
const keptBytesMax = 131_072;

/** An answer as it is kept; a body of undefined was too large to keep. */
interface Kept {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null | undefined;
}

/**
 * Does what a request asks once for an `Idempotency-Key`: the same request with it is answered for a day as the first was,
 * and nothing is done again. A refusal did nothing, so it gives the key back. Belongs behind all checks of who asks, because
 * an answer is for those who may still ask.
 */
export async function once(
  operation: Pick<Operation, "id" | "method">,
  call: Call<unknown, unknown>,
  user: UserId,
  act: () => Promise<Reply | Fault>,
): Promise<Reply | Fault> {
  const header = call.header("Idempotency-Key");
  if (header === null || operation.method === "get") return act();
  const key = keyIn(header);
  if (key === null) return malformed;
  const keyed = { id: sha256([user, key]), request: requestOf(operation.id, call) };
  const { deps, nowMs } = call;
  const claimed = await claimKey(deps.db, keyed, { nowMs, untilMs: nowMs + keptMs });
  switch (claimed.is) {
    case "new":
      return firstTime(deps, keyed, key, act);
    case "known":
      if (claimed.request !== keyed.request) return anotherRequest;
      return claimed.answer === null ? notEnded : again(deps, keyed, key, claimed.answer);
  }
}

/** RFC 9651 §3.3.3 as the draft on the header has it, or the key alone, as most clients send it. */
function keyIn(header: string): string | null {
  const key = /^"([\x20-\x21\x23-\x5b\x5d-\x7e]+)"$/.exec(header)?.[1] ?? header;
  return /^[\x20-\x7e]{1,255}$/.test(key) ? key : null;
}

function requestOf(operation: string, call: Call<unknown, unknown>): string {
  const { params, query, tree, header } = call;
  return sha256([operation, params, query, header("If-Match"), canonicalJson(tree)]);
}

const sha256 = (parts: readonly unknown[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex");

async function firstTime(
  deps: ApiDeps,
  keyed: Keyed,
  key: string,
  act: () => Promise<Reply | Fault>,
): Promise<Reply | Fault> {
  // What throws may have been done or not: the key stays taken, so that it is not done twice.
  const outcome = await act();
  const work = isFault(outcome)
    ? releaseKey(deps.db, keyed.id)
    : seal(deps, keyed, key, outcome).then((answer) => keepAnswer(deps.db, keyed.id, answer));
  await work.catch((error: unknown) => console.error("an answer is not kept for its key", error));
  return outcome;
}

/**
 * Under a key that the client's own goes into: an answer can hold a token that is shown once, and neither the database nor
 * the master keys open it without what the client sent (ADR 13).
 */
const purposeOf = (key: string): string => `idempotent answer ${key}`;

async function seal(deps: ApiDeps, keyed: Keyed, key: string, outcome: Reply): Promise<string> {
  const { status, headers = {}, body } = outcome;
  const text = body === undefined ? null : writeBody(body);
  const fits = text === null || new TextEncoder().encode(text).length <= keptBytesMax;
  const kept: Kept = { status, headers, body: fits ? text : undefined };
  const { current } = deps.masterKeys;
  const sealing = await derivedKey(deps.masterKeys, current, purposeOf(key));
  if (!sealing) throw new Error("the current master key is not among the master keys");
  const bytes = new TextEncoder().encode(JSON.stringify(kept));
  return sealBytes(sealing, current, [keyed.id, keyed.request], bytes, deps.random);
}

async function again(deps: ApiDeps, keyed: Keyed, key: string, answer: string): Promise<Reply | Fault> {
  const opening = await derivedKey(deps.masterKeys, versionOf(answer) ?? 0, purposeOf(key));
  const bytes = opening && (await openBytes(opening, [keyed.id, keyed.request], answer));
  if (!bytes) return answerLost;
  const { status, headers, body } = JSON.parse(new TextDecoder().decode(bytes)) as Kept;
  if (body === undefined) return answerLost;
  const replayed = { ...headers, "Idempotency-Replayed": "true" };
  return reply(status, body === null ? undefined : new Exact(body), replayed);
}

const malformed = fault("invalid", "An Idempotency-Key has 1 to 255 printable ASCII characters.");
const anotherRequest = fault(
  "invalid",
  "This Idempotency-Key came with another request. Use a new key for each request, and the same one to repeat it.",
);
const notEnded = fault(
  "conflict",
  "A request with this Idempotency-Key has begun and has not been answered. Ask again shortly. If it stays so for a minute, it is not known whether it was done: look, and use a new key.",
);
const answerLost = fault(
  "conflict",
  "The request with this Idempotency-Key was done; its answer is not kept, or cannot be opened any more. Look at what it made.",
);
