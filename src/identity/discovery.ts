import { type Fault, fault, isFault } from "../fault.ts";

/** What an issuer says of itself (OpenID Connect Discovery §3, RFC 8414 §2), as far as it is used. */
export interface IssuerMetadata {
  readonly jwksUri: string;
  readonly authorizationEndpoint: string | null;
  readonly tokenEndpoint: string | null;
  /** RFC 9207 §3: its answers carry `iss`, so one without is not its. */
  readonly namesItself: boolean;
}

type FetchJson = (url: string) => Promise<unknown>;

/**
 * Asks an issuer for its metadata: at OpenID Connect's address, and where that has none at RFC 8414's. Both must name
 * exactly this issuer, or somebody else's document would speak for it.
 */
export async function discover(issuer: string, fetchJson: FetchJson): Promise<IssuerMetadata | Fault> {
  let last: Fault = noMetadata("it did not answer");
  for (const url of metadataUrls(issuer)) {
    const document = await fetchJson(url);
    if (!isFault(document)) return readMetadata(issuer, document);
    // The guard's own refusal says all that may be said; no other address of this host is better.
    if (document.fault === "invalid") return document;
    last = noMetadata(`${url}: ${document.detail}`);
  }
  return last;
}

function metadataUrls(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  return [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ];
}

const noMetadata = (why: string): Fault =>
  fault("invalid", "The issuer's metadata cannot be used; `errors` says why.", [
    { pointer: "/issuer", message: `no usable /.well-known/openid-configuration: ${why}` },
  ]);

function readMetadata(issuer: string, document: unknown): IssuerMetadata | Fault {
  if (typeof document !== "object" || document === null) return noMetadata("it is not a JSON object");
  const said = document as Record<string, unknown>;
  if (said["issuer"] !== issuer) {
    const named = JSON.stringify(said["issuer"] ?? null).slice(0, 200);
    return noMetadata(`its \`issuer\` is ${named}; give exactly that text if it is the one you mean`);
  }
  const jwksUri = text(said["jwks_uri"]);
  if (jwksUri === null) return noMetadata("it names no `jwks_uri`");
  return {
    jwksUri,
    authorizationEndpoint: text(said["authorization_endpoint"]),
    tokenEndpoint: text(said["token_endpoint"]),
    namesItself: said["authorization_response_iss_parameter_supported"] === true,
  };
}

const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
