import * as z from "zod/mini";
import { type Fault, isFault } from "../fault.ts";
import type { Route, Sealed } from "../gate/snapshot.ts";
import type { ConnectionId, ServerId } from "../id.ts";
import { findConnection } from "../store/connection.ts";
import type { NewServer, Server } from "../store/server.ts";
import { scopeIn } from "../upstream/challenge.ts";
import { type CredentialHeaders, sealCredential } from "../upstream/credential.ts";
import type { Look } from "../upstream/enrol.ts";
import type { PresetClient } from "../upstream/oauth_client.ts";
import { open, seal } from "../upstream/vault.ts";
import type { ApiDeps } from "./deps.ts";
import type { TeamCall } from "./operation.ts";

// What frames the message or is MCP's own: a credential must not be able to say something else there.
const reserved = new Set([
  "accept",
  "accept-encoding",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "keep-alive",
  "last-event-id",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "user-agent",
]);

const headerName = z.string().check(
  z.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/, "not a header name"),
  z.refine(
    (name) => !reserved.has(name.toLowerCase()) && !/^(mcp-|proxy-|sec-|cf-)/i.test(name),
    "this header is not a credential's to set",
  ),
);

const headerValue = z
  .string()
  .check(
    z.minLength(1),
    z.maxLength(8192),
    z.regex(/^[!-~]([\t -~]*[!-~])?$/, "a header's value is printable ASCII, without spaces at its ends"),
  );

const headers = z.record(headerName, headerValue).check(
  z.refine((given) => Object.keys(given).length > 0, "give at least one header"),
  z.refine((given) => Object.keys(given).length <= 16, "16 headers at most"),
  z.refine(
    (given) =>
      new Set(Object.keys(given).map((name) => name.toLowerCase())).size === Object.keys(given).length,
    "one header is named twice",
  ),
);

const text = (max: number) =>
  z.string().check(z.minLength(1), z.maxLength(max), z.regex(/^[ -~]+$/, "printable ASCII"));

const oauth = z
  .strictObject({
    type: z.literal("oauth"),
    per: z._default(
      z
        .enum(["team", "member"])
        .check(z.describe("One account of the team's for everybody, or each member's own for their calls.")),
      "team",
    ),
    issuer: z.optional(
      text(2048).check(
        z.describe("The only authorization server that will do, as its metadata calls itself."),
      ),
    ),
    client_id: z.optional(text(2048).check(z.describe("Of a client that you have registered there."))),
    client_secret: z.optional(text(2048)),
    scope: z.optional(
      z.string().check(
        z.refine((given) => scopeIn(given) !== null, "scopes are words with one space between"),
        z.describe("What to ask for; absent is what the server says."),
      ),
    ),
  })
  .check(
    z.refine(({ client_id, issuer }) => client_id === undefined || issuer !== undefined, {
      path: ["issuer"],
      error: "a client belongs to one authorization server: say which",
    }),
    z.refine(({ client_id, client_secret }) => client_secret === undefined || client_id !== undefined, {
      path: ["client_id"],
      error: "give the client that this is the secret of",
    }),
  );

/** How an upstream is signed in to. Write-only: no answer has the secrets. */
export const authBody = z.discriminatedUnion(
  "type",
  [
    z.strictObject({ type: z.literal("none") }),
    z.strictObject({ type: z.literal("headers"), headers }),
    oauth,
  ],
  { error: (issue) => (issue.code === "invalid_union" ? "type is none, headers or oauth" : undefined) },
);

type Auth = z.output<typeof authBody>;

/** The headers of a credential as it was given; an account has none before somebody connects it. */
export const credentialOf = (auth: Auth): CredentialHeaders => (auth.type === "headers" ? auth.headers : {});

/** What is stored of a credential, its secrets sealed for its server. */
export async function sealAuth(
  { deps, team }: TeamCall<unknown, unknown>,
  server: ServerId,
  auth: Auth,
): Promise<Pick<NewServer, "authType" | "credential" | "oauth">> {
  const { masterKeys, random } = deps;
  switch (auth.type) {
    case "none":
      return { authType: "none", credential: null, oauth: null };
    case "headers": {
      const credential = await sealCredential(
        masterKeys,
        team.dataKey,
        team.id,
        server,
        auth.headers,
        random,
      );
      return { authType: "headers", credential, oauth: null };
    }
    case "oauth": {
      const { per, issuer = null, client_id = null, client_secret: secret, scope } = auth;
      const place = { team: team.id, server, field: clientSecret };
      const credential =
        secret === undefined ? null : await seal(masterKeys, team.dataKey, place, secret, random);
      const settings = { per, issuer, client_id, scope: scopeIn(scope) };
      return { authType: "oauth", credential, oauth: settings };
    }
  }
}

const clientSecret = "client secret";

/** The client that somebody has registered by hand; null where nobody has. */
export async function presetOf(
  { deps, team }: Pick<TeamCall<unknown, unknown>, "deps" | "team">,
  { id: server, oauth: settings, credential }: Server,
): Promise<PresetClient | Fault | null> {
  if (!settings?.client_id) return null;
  const place = { team: team.id, server, field: clientSecret };
  const secret = credential === null ? null : await open(deps.masterKeys, team.dataKey, place, credential);
  return isFault(secret) ? secret : { id: settings.client_id, secret };
}

/** How a server is signed in to, as a grant's route says it. */
export function howOf(
  { credential, oauth: settings }: Pick<Server, "credential" | "oauth">,
  wrappedKey: Sealed,
  connection: ConnectionId | null,
): Route["credential"] {
  if (settings) return { wrappedKey, account: { per: settings.per, connection } };
  return credential === null ? null : { wrappedKey, value: credential };
}

/** A look at a server that is signed in to. Who must sign in first, and an authorization server that is away, are what it finds. */
export async function lookSignedIn(
  deps: Pick<ApiDeps, "look" | "signIn">,
  { team, id: server, url }: Pick<Server, "team" | "id" | "url">,
  how: Route["credential"],
): Promise<Look | Fault> {
  const headers = await deps.signIn({ team, server, url }, how);
  if (!isFault(headers)) return deps.look(url, headers);
  const { fault: code, detail } = headers;
  if (code === "misconfigured") return headers;
  return { state: "pending", why: code === "needs_sign_in" ? code : "unreachable", detail };
}

/** The same, by what the caller may use: what is the team's, or their own account. */
export async function lookFor(call: TeamCall<unknown, unknown>, server: Server): Promise<Look | Fault> {
  const { deps, db, team, user } = call;
  const member = server.oauth?.per === "member" ? user.id : null;
  const connection = server.oauth && (await findConnection(db, team.id, server.id, member));
  return lookSignedIn(deps, server, howOf(server, team.dataKey, connection?.id ?? null));
}

/** Whether another origin would receive the credential that was given for the first. */
export const originChanged = (from: string, to: string): boolean =>
  !URL.canParse(to) || new URL(from).origin !== new URL(to).origin;
