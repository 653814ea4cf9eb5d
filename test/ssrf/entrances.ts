import { env } from "cloudflare:test";
import { isFault } from "../../src/fault.ts";
import { newId, type TeamId } from "../../src/id.ts";
import { ClientDocuments } from "../../src/oauth/client_document.ts";
import { insertHook } from "../../src/store/hook.ts";
import { enqueue } from "../../src/store/hook_delivery.ts";
import { discover } from "../../src/upstream/discovery.ts";
import { readDocument } from "../../src/upstream/document.ts";
import { enrol } from "../../src/upstream/enrol.ts";
import { type FetchDeps, guardedFetch } from "../../src/upstream/fetch.ts";
import { forward } from "../../src/upstream/forward.ts";
import { drainHooks } from "../../src/upstream/hook_outbox.ts";
import { newHookSecret, sealHookSecret } from "../../src/upstream/hook_secret.ts";
import { refreshTokens } from "../../src/upstream/token_request.ts";
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
  /** Which addresses it can be told at all; what it takes for no address of its kind, whatever is there, is left out. */
  readonly among?: (address: string) => boolean;
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
  const documents = new ClientDocuments(deps, () => 0);
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
      callers: ["api/hook.ts", "worker/parts.ts"],
      tell: each(async (url) =>
        told(await team.ask("POST", "/hooks", { url, events: ["approval.requested"] })),
      ),
    },
    "telling a webhook whose address was taken before": {
      callers: ["upstream/hook_outbox.ts"],
      tell: (addresses) => deliver(deps, teamId, addresses),
    },
    "naming an identity provider": {
      callers: ["api/identity.ts"],
      among: (address) => URL.canParse(address) && !/[?#]/.test(address),
      tell: each(async (issuer) =>
        told(await team.ask("PUT", "/identity", { issuer, algorithms: ["RS256"], mapping: noMapping })),
      ),
    },
    "an identity provider that says where people sign in": {
      callers: ["api/identity_sign_in.ts"],
      tell: each(async (address) => {
        const through = plane.with({
          fetch: answering(deps, { ...provider, authorization_endpoint: address }),
        });
        const sign_in = { client_id: "c", client_secret: "s" };
        const body = { issuer: provider.issuer, algorithms: ["EdDSA"], mapping: noMapping, sign_in };
        // Its own address is told back, and nothing else of it.
        const answer = JSON.stringify(told(await team.through(through).ask("PUT", "/identity", body)));
        return answer.replace(JSON.stringify(address).slice(1, -1), "{address}");
      }),
    },
    "an identity provider's keys": {
      callers: ["upstream/json_fetch.ts"],
      tell: each((address) => readDocument(deps, address)),
    },
    "a server that says where its metadata is": {
      callers: ["upstream/discovery.ts"],
      // In a quoted string a backslash stands for what follows it (RFC 9110 §5.6.4).
      among: (address) => !address.includes("\\"),
      tell: named(deps, (address) => ({
        status: 401,
        headers: { "WWW-Authenticate": `Bearer resource_metadata="${address}"` },
      })),
    },
    "a server that says who gives access to it": {
      callers: ["upstream/discovery.ts"],
      tell: named(deps, (address) => ({
        body: { resource: "https://mcp.example.com/mcp", authorization_servers: [address] },
      })),
    },
    "an authorization server that says where its tokens are": {
      callers: ["upstream/discovery.ts"],
      tell: named(deps, (address) => ({ body: { ...authorizationServer, token_endpoint: address } })),
    },
    "an authorization server that says where to register": {
      callers: ["upstream/discovery.ts"],
      tell: named(deps, (address) => ({ body: { ...authorizationServer, registration_endpoint: address } })),
    },
    "an authorization server that says where people sign in": {
      callers: ["upstream/discovery.ts"],
      tell: named(deps, (address) => ({ body: { ...authorizationServer, authorization_endpoint: address } })),
    },
    "an authorization server that says where to revoke": {
      callers: ["upstream/discovery.ts"],
      tell: named(deps, (address) => ({ body: { ...authorizationServer, revocation_endpoint: address } })),
    },
    "renewing a token where the address was taken before": {
      callers: ["upstream/json_fetch.ts"],
      tell: each((tokenEndpoint) =>
        refreshTokens(deps, { ...source, tokenEndpoint }, { refresh: "s", scope: "" }, 0),
      ),
    },
    "a program whose name is an address": {
      callers: ["oauth/client_document.ts"],
      // Only the normal form is a name, and only with a path.
      among: (address) => URL.parse(address)?.href === address && !/#|^[a-z]+:\/\/[^/]*\/$/.test(address),
      tell: each((id) => documents.read(id)),
    },
    "any fetch by itself": {
      callers: [],
      tell: each((address) => guardedFetch(deps, address, {}, { bytesMax: 10, timeoutMs: 1_000 })),
    },
  };
}

const noMapping = { rules: [{}] };
const source = {
  issuer: "https://mcp.example.com",
  tokenEndpoint: "",
  revocationEndpoint: null,
  client: {
    id: "c",
    secret: null,
    auth: "none" as const,
    redirectUri: "https://x.example",
  },
  resource: "https://mcp.example.com/mcp",
  origin: "https://mcp.example.com",
};
const authorizationServer = {
  resource: "https://mcp.example.com/mcp",
  authorization_servers: ["https://mcp.example.com"],
  issuer: "https://mcp.example.com",
  authorization_endpoint: "https://mcp.example.com/authorize",
  token_endpoint: "https://mcp.example.com/token",
  code_challenge_methods_supported: ["S256"],
};

const provider = {
  issuer: "https://mcp.example.com",
  jwks_uri: "https://mcp.example.com/jwks",
  authorization_endpoint: "https://mcp.example.com/authorize",
  token_endpoint: "https://mcp.example.com/token",
  keys: [{ kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", alg: "EdDSA" }],
};

/** A public server that answers everything with this; whatever else is named is really fetched. */
const answering = (
  { rules, fetch }: FetchDeps,
  body: object,
  init: { status?: number; headers?: Record<string, string> } = {},
): FetchDeps => ({
  rules,
  fetch: async (input, request) =>
    new URL(String(input)).hostname === "mcp.example.com" ? Response.json(body, init) : fetch(input, request),
});

/** Finds out how to sign in to a public server, all of whose answers are these; whatever it names is really fetched. */
const named = (
  deps: FetchDeps,
  answer: (address: string) => { status?: number; headers?: Record<string, string>; body?: object },
): Entrance["tell"] =>
  each(async (address) => {
    const { body = {}, ...init } = answer(address.replaceAll(/[^\x21-\x7e]/g, encodeURIComponent));
    return discover(answering(deps, body, init), "https://mcp.example.com/mcp", null);
  });

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
