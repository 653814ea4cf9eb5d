import { env } from "cloudflare:test";
import { isFault } from "../../src/fault.ts";
import { newId, type TeamId } from "../../src/id.ts";
import { insertHook } from "../../src/store/hook.ts";
import { enqueue } from "../../src/store/hook_delivery.ts";
import { enrol } from "../../src/upstream/enrol.ts";
import { type FetchDeps, guardedFetch } from "../../src/upstream/fetch.ts";
import { forward } from "../../src/upstream/forward.ts";
import { drainHooks } from "../../src/upstream/hook_outbox.ts";
import { newHookSecret, sealHookSecret } from "../../src/upstream/hook_secret.ts";
import { parseMasterKeys } from "../../src/upstream/vault.ts";
import type { Answered, ControlPlane } from "../api/control_plane.ts";
import { TeamSetting } from "../api/team_setting.ts";

/*
 * Every way by which somebody's address can get this gateway to connect to it (T7). Whatever in src/ asks the guard must be
 * among the `callers` of one of them, or the test fails. To add one: name the files, and hand it each address as its owner,
 * a server or a client would, through the real parts; the answers are what they would be told, one an address.
 */
export interface Entrance {
  readonly callers: readonly string[];
  readonly tell: (addresses: readonly string[]) => Promise<readonly unknown[]>;
}

const togetherMax = 24;

/** Tells them one by one, several at a time. */
const each =
  (tell: (address: string) => Promise<unknown>): Entrance["tell"] =>
  async (addresses) => {
    const answers: unknown[] = [];
    for (let at = 0; at < addresses.length; at += togetherMax) {
      answers.push(...(await Promise.all(addresses.slice(at, at + togetherMax).map(tell))));
    }
    return answers;
  };

/** All but the request's id, which is another each time. */
const told = ({ status, body }: Answered): unknown => ({ status, ...body, request_id: "" });

export async function entrancesOf(
  plane: ControlPlane,
  deps: FetchDeps,
): Promise<Readonly<Record<string, Entrance>>> {
  const team = await TeamSetting.on(plane);
  const server = await team.server("Tools");
  const teamId = team.person.team.id as TeamId;
  return {
    "registering a server": {
      callers: ["upstream/enrol.ts"],
      tell: each(async (url) =>
        told(await team.ask("POST", "/servers", { name: "x", url, auth: { type: "none" } })),
      ),
    },
    "changing a server's address": {
      callers: ["upstream/enrol.ts"],
      tell: each(async (url) => told(await team.ask("PATCH", `/servers/${server.id}`, { url }))),
    },
    "looking at a server whose address was taken before": {
      callers: ["upstream/peer.ts"],
      tell: each((url) => enrol(deps, url, { Authorization: "Bearer s" })),
    },
    "calling a server whose address was taken before": {
      callers: ["upstream/forward.ts"],
      tell: each((url) =>
        forward(
          deps,
          { url, credential: { Authorization: "Bearer s" } },
          { method: "POST", headers: new Headers(), body: new Uint8Array() },
          { firstByteMs: 1_000 },
        ),
      ),
    },
    "making a webhook": {
      callers: ["api/hook.ts", "index.ts"],
      tell: each(async (url) =>
        told(await team.ask("POST", "/hooks", { url, events: ["approval.requested"] })),
      ),
    },
    "telling a webhook whose address was taken before": {
      callers: ["upstream/hook_outbox.ts"],
      tell: (addresses) => deliver(deps, teamId, addresses),
    },
    "any fetch by itself": {
      callers: [],
      tell: each((address) => guardedFetch(deps, address, {}, { bytesMax: 10, timeoutMs: 1_000 })),
    },
  };
}

/** Makes a hook of each address, tells all of them of something, and answers with what their owner reads about that. */
async function deliver(fetch: FetchDeps, team: TeamId, addresses: readonly string[]): Promise<unknown[]> {
  const master = parseMasterKeys(env.MASTER_KEYS);
  if (isFault(master)) throw new Error(master.detail);
  const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));
  const hooks = addresses.map(async (url) => {
    const id = newId("hok", random);
    const secret = await sealHookSecret(master, team, id, newHookSecret(random), random);
    return insertHook(env.DB, { id, team, url, events: ["approval.requested"], secret, createdAt: 0 });
  });
  await env.DB.batch(await Promise.all(hooks));
  await enqueue(env.DB, team, [{ id: "e", event: "approval.requested", body: "{}" }], 0);
  while ((await drainHooks({ db: env.DB, master, fetch, now: () => 0 }, team)) > 0);
  const { results } = await env.DB.prepare(
    "SELECT status, problem FROM hook_delivery WHERE team_id = ?1 AND event_id = 'e'",
  )
    .bind(team)
    .all();
  return results;
}
