import type { GrantId, TeamId } from "../id.ts";
import { countBehind } from "../store/sealed.ts";
import { type Env, gateOf, logOf, masterKeys } from "./env.ts";
import { partsOf } from "./parts.ts";

/** Whether the parts that every call needs answer: the keys, D1, a gate and a log. */
export async function ready(env: Env): Promise<Response> {
  const checks: Record<string, () => Promise<unknown>> = {
    keys: () => partsOf(env),
    d1: () => env.DB.prepare("SELECT id FROM team LIMIT 1").all(),
    gates: () => gateOf(env, "readyz" as GrantId).find(0),
    logs: () => logOf(env, "readyz" as TeamId).list({ limit: 1 }),
  };
  const failed: string[] = [];
  for (const [part, check] of Object.entries(checks)) {
    await check().catch((error: unknown) => {
      failed.push(part);
      console.error("not ready", { part, error });
    });
  }
  const answer = { ready: failed.length === 0, failed, master_key: await masterKeyInUse(env) };
  return Response.json(answer, { status: failed.length === 0 ? 200 : 503 });
}

/** Which master key seals, and whether all that lasts is sealed by it: then older ones can go (docs/runbooks.md). */
async function masterKeyInUse(env: Env): Promise<{ version: number; rotated: boolean } | null> {
  try {
    const { current } = masterKeys(env);
    const behind = await countBehind(env.DB, current);
    return { version: current, rotated: Object.values(behind).every((count) => count === 0) };
  } catch {
    return null;
  }
}
