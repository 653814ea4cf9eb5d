import { isFault } from "../fault.ts";
import { storeLook } from "../gate/look_again.ts";
import type { PushDeps } from "../gate/push.ts";
import { type DueServer, takeDueServers } from "../store/server.ts";
import { howOf, lookSignedIn } from "./credential.ts";
import type { ApiDeps } from "./deps.ts";

export type RecheckDeps = PushDeps & Pick<ApiDeps, "db" | "look" | "signIn" | "now" | "random">;

// A run has a minute until the next one. The platform opens six connections at a time.
const serversMax = 200;
const togetherMax = 6;
const beginBeforeMs = 40_000;
// Longer than a run, so that no two look at one server; what a run does not get to is due again after it.
const leaseMs = 120_000;

/**
 * Looks again at the servers whose turn it is, the longest waiting first: each once a day, one that fails sooner
 * (`recordTrouble`). Run every minute.
 */
export async function recheckServers(deps: RecheckDeps): Promise<void> {
  const startedMs = deps.now();
  const due = await takeDueServers(deps.db, startedMs, { limit: serversMax, leaseMs });
  const queue = due.values();
  const worker = async (): Promise<void> => {
    for (const server of queue) {
      if (deps.now() - startedMs > beginBeforeMs) return;
      await recheck(deps, server).catch((error) =>
        console.error("a server was not looked at", { server: server.id, error }),
      );
    }
  };
  await Promise.all(Array.from({ length: togetherMax }, worker));
}

async function recheck(deps: RecheckDeps, server: DueServer): Promise<void> {
  const { team, id, url } = server;
  const look = await lookSignedIn(deps, server, howOf(server, server.dataKey, server.connection));
  if (isFault(look) && look.fault === "misconfigured") throw new Error(look.detail);
  await storeLook(deps, { team, server: id, url }, look, deps.now());
}
