import { type Fault, isFault } from "../fault.ts";
import type { Server } from "../store/server.ts";
import { findClient, saveClient } from "../store/upstream_client.ts";
import type { AuthorizationServer } from "../upstream/discovery.ts";
import {
  documentClient,
  type OauthClient,
  presetClient,
  redirectUriFor,
  registerClient,
} from "../upstream/oauth_client.ts";
import { open, seal } from "../upstream/vault.ts";
import { presetOf } from "./credential.ts";
import type { TeamCall } from "./operation.ts";

/**
 * Who we are to an authorization server, in the order that MCP recommends: as somebody has registered us by hand, by our
 * own document, or as the server has registered us, now or before.
 */
export async function clientOf(
  call: TeamCall<unknown, unknown>,
  server: Server,
  to: AuthorizationServer,
): Promise<OauthClient | Fault> {
  const { origin } = call.deps;
  const preset = await presetOf(call, server);
  if (isFault(preset)) return preset;
  if (preset) return presetClient(origin, to, preset);
  return documentClient(origin, to) ?? (await registered(call, server, to));
}

async function registered(
  { deps, db, team, nowMs }: TeamCall<unknown, unknown>,
  { id: server }: Server,
  to: AuthorizationServer,
): Promise<OauthClient | Fault> {
  const { issuer } = to;
  const place = { team: team.id, server, field: `client ${issuer}` };
  const kept = await findClient(db, team.id, server, issuer);
  const opened = kept === null ? null : await open(deps.masterKeys, team.dataKey, place, kept);
  if (opened !== null && !isFault(opened)) {
    const client = JSON.parse(opened) as OauthClient;
    // What was registered names the address that people come back to, and that moves with the gateway.
    const same = client.redirectUri === redirectUriFor(deps.origin, issuer, to.namesItself);
    if (same && nowMs < (client.endsAtMs ?? Number.POSITIVE_INFINITY)) return client;
  }
  const client = await registerClient(deps.fetch, deps.origin, to);
  if (isFault(client)) return client;
  const sealed = await seal(deps.masterKeys, team.dataKey, place, JSON.stringify(client), deps.random);
  await saveClient(db, team.id, server, issuer, sealed, nowMs).run();
  return client;
}
