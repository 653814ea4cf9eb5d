import * as z from "zod/mini";
import type { Placed } from "../audit/entry.ts";
import { isFault } from "../fault.ts";
import { decisionId } from "../id.ts";
import { findMembership } from "../store/team.ts";
import { showEnd, showEvent, showRow } from "./log_view.ts";
import { type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { reply, writeBody } from "./reply.ts";

const place = z.coerce.number().check(z.int(), z.minimum(0), z.maximum(Number.MAX_SAFE_INTEGER));

/** The log as it grows. */
export const streamOperations: readonly Operation[] = [
  teamOperation(
    "viewer",
    {
      id: "follow_log",
      method: "get",
      path: "/v1/teams/{team}/log/stream",
      tag: "Log",
      summary: "Server-sent events: `decision`, `outcome` and `control` as they are recorded",
      query: z.strictObject({
        after: z
          .optional(place)
          .check(z.describe("Start behind this entry; `Last-Event-ID` does the same. Without: from now on.")),
      }),
      headers: ["Last-Event-ID"],
      media: ["text/event-stream"],
      answers: { 200: z.string() },
    },
    async (call) => {
      const last = place.safeParse(call.header("Last-Event-ID") ?? undefined);
      const asked = last.success ? last.data : (call.query.after ?? null);
      const after = asked ?? (await call.deps.log(call.team.id).follow(null, 0)).head;
      return reply(200, follow(call, after), { "Content-Type": "text/event-stream" });
    },
  ),
];

// The Worker asks; the object sleeps in between. Nobody is kept waiting for long, and a quiet log is asked less often.
const askSoonestMs = 1_000;
const askLatestMs = 8_000;
const beatMs = 15_000;
const checkMs = 30_000;
const lifetimeMs = 600_000;
const entriesAtOnce = 200;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function follow(call: TeamCall<unknown, unknown>, after: number): ReadableStream<Uint8Array> {
  const { deps, team } = call;
  const encoder = new TextEncoder();
  const startedMs = deps.now();
  let [at, pauseMs, saidMs, checkedMs] = [after, 0, startedMs, startedMs];
  let over = false;
  const news = async (): Promise<string | null> => {
    await wait(pauseMs);
    const { items } = await deps.log(team.id).follow(at, entriesAtOnce);
    at = items.at(-1)?.n ?? at;
    pauseMs = items.length > 0 ? askSoonestMs : Math.min(askLatestMs, pauseMs * 2 || askSoonestMs);
    if (items.length > 0) return items.map((item, i) => frame(item, items[i + 1]?.n)).join("");
    return deps.now() - saidMs >= beatMs ? ": beat\n\n" : null;
  };
  const allowed = async (): Promise<boolean> => {
    const nowMs = deps.now();
    if (nowMs - startedMs > lifetimeMs) return false;
    if (nowMs - checkedMs < checkMs) return true;
    checkedMs = nowMs;
    return stillMember(call);
  };
  return new ReadableStream({
    start: (controller) => controller.enqueue(encoder.encode(`retry: ${askSoonestMs}\n: from ${after}\n\n`)),
    async pull(controller) {
      while (!over) {
        if (!(await allowed())) return controller.close();
        const text = await news();
        if (text === null) continue;
        saidMs = deps.now();
        if (!over) controller.enqueue(encoder.encode(text));
        return;
      }
    },
    cancel: () => {
      over = true;
    },
  });
}

/** Whether the sign-in and the membership that opened a stream stand. */
async function stillMember({ deps, team, signIn }: TeamCall<unknown, unknown>): Promise<boolean> {
  const now = await signIn();
  if (isFault(now)) return false;
  return (await findMembership(deps.db, now.user.id, team.id, now.session.team))?.closed === null;
}

/** A decision and its outcome can stand in one place: the id comes with the last, so that whoever resumes misses neither. */
function frame({ n, entry }: Placed, next: number | undefined): string {
  return `${n === next ? "" : `id: ${n}\n`}event: ${entry.kind}\ndata: ${writeBody(shown(entry))}\n\n`;
}

function shown(entry: Placed["entry"]) {
  switch (entry.kind) {
    case "decision":
      return showRow(
        { n: null, id: decisionId(entry.gate, entry.seq), decision: entry, outcome: null },
        false,
      );
    case "outcome":
      return { id: decisionId(entry.gate, entry.seq), end: showEnd(entry) };
    case "control":
      return showEvent(entry);
  }
}
