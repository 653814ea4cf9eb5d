import * as z from "zod/mini";
import type { Fault } from "../fault.ts";
import type { Sealed } from "../gate/snapshot.ts";
import type { ServerId } from "../id.ts";
import type { Server } from "../store/server.ts";
import { type CredentialHeaders, openCredential, sealCredential } from "../upstream/credential.ts";
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

/** How an upstream is signed in to. Write-only: no answer has the values. */
export const authBody = z.discriminatedUnion(
  "type",
  [z.strictObject({ type: z.literal("none") }), z.strictObject({ type: z.literal("headers"), headers })],
  { error: (issue) => (issue.code === "invalid_union" ? unknownType(issue.input) : undefined) },
);

const unknownType = (given: unknown): string =>
  typeof given === "object" && given !== null && "type" in given && given.type === "oauth"
    ? "oauth is not offered yet; use headers"
    : "type is none or headers";

/** The headers of a credential as it was given. */
export const credentialOf = (auth: z.output<typeof authBody>): CredentialHeaders =>
  auth.type === "headers" ? auth.headers : {};

/** What is stored of a credential: sealed for its server, or null where there is none. */
export async function sealAuth(
  { deps, team }: TeamCall<unknown, unknown>,
  server: ServerId,
  auth: z.output<typeof authBody>,
): Promise<Sealed | null> {
  if (auth.type === "none") return null;
  return sealCredential(deps.masterKeys, team.dataKey, team.id, server, auth.headers, deps.random);
}

/** The headers of a server's stored credential. */
export async function headersOf(
  { deps, team }: TeamCall<unknown, unknown>,
  server: Server,
): Promise<CredentialHeaders | Fault> {
  if (server.credential === null) return {};
  return openCredential(deps.masterKeys, team.dataKey, team.id, server.id, server.credential);
}

/** Whether another origin would receive the credential that was given for the first. */
export const originChanged = (from: string, to: string): boolean =>
  !URL.canParse(to) || new URL(from).origin !== new URL(to).origin;
