import * as z from "zod/mini";
import { isId } from "../id.ts";
import { type IssuerKeys, readIssuerKeys } from "../identity/issuer_keys.ts";
import { findClient as findRegistered } from "../store/oauth_client.ts";
import type { OAuthDeps } from "./deps.ts";
import { anyPort, mayRedirectTo } from "./redirect_uri.ts";
import { type Refusal, refuse } from "./refusal.ts";

/** How a client proves who it is at the token endpoint. */
export type ClientMethod = "none" | "client_secret_basic" | "client_secret_post" | "private_key_jwt";

/** What a client says of itself. Its name is hostile text. */
export interface ClientMetadata {
  readonly name: string | null;
  readonly redirectUris: readonly string[];
  readonly method: ClientMethod;
  /** Where its public keys are, for `private_key_jwt`: in the metadata, or at an address. */
  readonly jwks: unknown;
  readonly jwksUri: string | null;
}

/** A client that people can be asked about. */
export interface Client extends ClientMetadata {
  readonly id: string;
  /** Whether an address vouches for it; else it has only said so itself. */
  readonly from: "document" | "registration";
  readonly secretHash: string | null;
}

const redirectUri = z.string().check(z.refine(mayRedirectTo));

// Unknown members are passed over (RFC 7591 §2), and so is what we have no use for.
const metadataShape = z.object({
  client_name: z.optional(z.string().check(z.maxLength(200))),
  redirect_uris: z.array(redirectUri).check(z.minLength(1), z.maxLength(20)),
  token_endpoint_auth_method: z.optional(
    z.enum(["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]),
  ),
  grant_types: z.optional(z.array(z.string()).check(z.maxLength(20))),
  response_types: z.optional(z.array(z.string()).check(z.maxLength(20))),
  jwks: z.optional(z.object({ keys: z.array(z.unknown()).check(z.minLength(1), z.maxLength(20)) })),
  jwks_uri: z.optional(z.string().check(z.maxLength(2_000))),
});

/** A client's metadata (RFC 7591 §2), or what is wrong with it. `fallback` is the method where it names none. */
export function readMetadata(given: unknown, fallback: ClientMethod): ClientMetadata | Refusal {
  const read = metadataShape.safeParse(given);
  if (!read.success) return whatIsWrong(read.error.issues[0]?.path ?? []);
  const { data } = read;
  const method = data.token_endpoint_auth_method ?? fallback;
  const wrong = whyUnusable(data, method);
  if (wrong) return refuse("invalid_client_metadata", wrong);
  return {
    name: data.client_name ?? null,
    redirectUris: data.redirect_uris,
    method,
    jwks: data.jwks ?? null,
    jwksUri: data.jwks_uri ?? null,
  };
}

function whatIsWrong([member]: readonly PropertyKey[]): Refusal {
  if (member === "redirect_uris") {
    return refuse(
      "invalid_redirect_uri",
      "redirect_uris must be 1 to 20 addresses: https, http on localhost or 127.0.0.1, or a program's own scheme " +
        "such as com.example.app; without a fragment.",
    );
  }
  const where = member === undefined ? "The metadata" : `The member ${String(member)}`;
  return refuse("invalid_client_metadata", `${where} does not have the form that RFC 7591 gives it.`);
}

function whyUnusable(data: z.output<typeof metadataShape>, method: ClientMethod): string | null {
  if (data.grant_types && !data.grant_types.includes("authorization_code")) {
    return "grant_types must include authorization_code. Machines get a client from an admin of their team.";
  }
  if (data.response_types && !data.response_types.includes("code"))
    return "response_types must include code.";
  const hasKeys = data.jwks !== undefined || data.jwks_uri !== undefined;
  if (method === "private_key_jwt" && !hasKeys) return "private_key_jwt needs jwks or jwks_uri.";
  if (data.jwks !== undefined && !readIssuerKeys(data.jwks)?.keys.length)
    return "jwks holds no public key that can check a signature.";
  return null;
}

/** The client of that id, or what to tell whoever sent it. */
export async function findClient(deps: OAuthDeps, id: string): Promise<Client | Refusal> {
  if (/^https?:/i.test(id)) return deps.documents.read(id);
  const row = isId("cli", id) ? await findRegistered(deps.db, id, deps.now()) : null;
  if (!row) {
    return refuse(
      "invalid_client",
      "There is no such client. It may have been forgotten because nobody used it: register it again.",
    );
  }
  const metadata = JSON.parse(row.metadata) as ClientMetadata;
  return { ...metadata, id, from: "registration", secretHash: row.secretHash };
}

/** The public keys that a client signs its assertions with; null where they cannot be had. */
export async function keysOf(
  deps: OAuthDeps,
  { jwks, jwksUri }: Pick<Client, "jwks" | "jwksUri">,
): Promise<IssuerKeys | null> {
  if (jwks !== null) return readIssuerKeys(jwks);
  return jwksUri === null ? null : deps.documents.keys(jwksUri);
}

/**
 * What makes it the same client to its person. One that has registered itself does so anew whenever it likes, and is then
 * the same program with the same addresses; one with a document is named by its address.
 */
export const sameToPerson = ({ id, from, name, redirectUris }: Client): string =>
  from === "document" ? id : JSON.stringify([name, [...new Set(redirectUris.map(anyPort))].sort()]);
