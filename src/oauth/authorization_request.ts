import { type Client, sameToPerson } from "./client.ts";
import { isRegistered } from "./redirect_uri.ts";
import { isRefusal, type Refusal, refuse } from "./refusal.ts";
import type { Parameters } from "./request.ts";

/** What a client asks a person for (RFC 6749 §4.1.1), checked; kept as JSON while the person decides. */
export interface AuthorizationRequest {
  readonly client: {
    readonly id: string;
    readonly name: string | null;
    readonly from: Client["from"];
    readonly method: Client["method"];
    /** What makes it the same client to its person. */
    readonly same: string;
  };
  readonly redirectUri: string;
  readonly state: string | null;
  /** PKCE, S256. */
  readonly challenge: string;
  /** The gateway that it is for (RFC 8707); null: the person says which. */
  readonly gateway: Gateway | null;
}

/** A gateway, as its URL names it. */
export interface Gateway {
  readonly teamSlug: string;
  readonly serverSlug: string;
}

/** Where an answer may go, once that is known to be the client's. */
export interface ReturnAddress {
  readonly redirectUri: string;
  readonly state: string | null;
}

/** Where the client is to be answered, or why it must not be answered at all. */
export function returnAddress(parameters: Parameters, client: Client): ReturnAddress | Refusal {
  const given = parameters.get("redirect_uri");
  const [only, ...more] = client.redirectUris;
  const redirectUri = given ?? (more.length === 0 ? only : undefined);
  if (redirectUri === undefined || !isRegistered(redirectUri, client.redirectUris)) {
    return refuse("invalid_request", "redirect_uri is not one that this client has registered.");
  }
  const state = parameters.get("state") ?? null;
  return { redirectUri, state };
}

const stateCharsMax = 4_096;

/** The rest of the request, or what is wrong with it. */
export function readAuthorizationRequest(
  parameters: Parameters,
  client: Client,
  { redirectUri, state }: ReturnAddress,
  origin: string,
): AuthorizationRequest | Refusal {
  const wrong = whyWrong(parameters);
  if (wrong) return wrong;
  const gateway = gatewayIn(parameters.get("resource"), origin);
  if (isRefusal(gateway)) return gateway;
  const { id, name, from, method } = client;
  return {
    client: { id, name, from, method, same: sameToPerson(client) },
    redirectUri,
    state,
    challenge: parameters.get("code_challenge") ?? "",
    gateway,
  };
}

function whyWrong(parameters: Parameters): Refusal | null {
  if (parameters.get("response_type") !== "code") {
    return refuse("unsupported_response_type", "response_type must be code.");
  }
  if ((parameters.get("response_mode") ?? "query") !== "query") {
    return refuse("invalid_request", "response_mode must be query.");
  }
  if (parameters.has("request") || parameters.has("request_uri")) {
    return refuse("invalid_request", "Send the parameters themselves, without request or request_uri.");
  }
  if (parameters.get("code_challenge_method") !== "S256") {
    return refuse("invalid_request", "PKCE is required: send code_challenge and code_challenge_method=S256.");
  }
  // RFC 7636 §4.2: a SHA-256 in base64url.
  if (!/^[A-Za-z0-9_-]{43}$/.test(parameters.get("code_challenge") ?? "")) {
    return refuse("invalid_request", "code_challenge must be the SHA-256 of the verifier in base64url.");
  }
  return (parameters.get("state") ?? "").length > stateCharsMax
    ? refuse("invalid_request", `state may be ${stateCharsMax} characters at most.`)
    : null;
}

const gatewayPath = /^\/mcp\/([a-z0-9][a-z0-9-]{0,62})\/([a-z0-9][a-z0-9-]{0,62})$/;

/**
 * The gateway that a resource names, in exactly the text that its metadata gives. Clients from before RFC 8707 was asked
 * for name none, and then it is the person who says which.
 */
function gatewayIn(resource: string | undefined, origin: string): Gateway | null | Refusal {
  if (resource === undefined) return null;
  const path = resource.startsWith(`${origin}/`) ? resource.slice(origin.length) : "";
  const [, teamSlug, serverSlug] = gatewayPath.exec(path) ?? [];
  return teamSlug && serverSlug
    ? { teamSlug, serverSlug }
    : refuse(
        "invalid_target",
        "resource must be the URL of a gateway here, such as https://.../mcp/team/server.",
      );
}
