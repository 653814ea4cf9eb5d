import { newId } from "../id.ts";
import { hashSecret, newSecret } from "../identity/secret.ts";
import { insertClient } from "../store/oauth_client.ts";
import { readMetadata } from "./client.ts";
import type { OAuthCall } from "./deps.ts";
import { answerJson, answerRefusal, isRefusal, type Refusal, refuse } from "./refusal.ts";
import { readText } from "./request.ts";

/** A client to which nobody has agreed by then is forgotten. */
export const unusedMs = 7 * 24 * 3_600_000;
/** One to which somebody has agreed is kept as long as any grant of it can live, and a while longer. */
export const usedMs = 400 * 24 * 3_600_000;

const bytesMax = 16_384;

/** `POST /register`: a client registers itself (RFC 7591 §3). Anybody may: it stands for nothing until a person agrees. */
export async function register(request: Request, { deps, nowMs }: OAuthCall): Promise<Response> {
  const given = await readJson(request);
  const metadata = isRefusal(given) ? given : readMetadata(given, "client_secret_basic");
  if (isRefusal(metadata)) return answerRefusal(metadata);
  const id = newId("cli", deps.random);
  const hasSecret = metadata.method === "client_secret_basic" || metadata.method === "client_secret_post";
  const secret = hasSecret ? newSecret(deps.random) : null;
  const client = { id, metadata: JSON.stringify(metadata), secretHash: secret && hashSecret(secret) };
  await deps.db.batch(insertClient(deps.db, client, nowMs, nowMs + unusedMs));
  return answerJson(
    {
      client_id: id,
      client_id_issued_at: Math.floor(nowMs / 1000),
      ...(secret !== null && { client_secret: secret, client_secret_expires_at: 0 }),
      ...(metadata.name !== null && { client_name: metadata.name }),
      redirect_uris: metadata.redirectUris,
      token_endpoint_auth_method: metadata.method,
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      ...(metadata.jwks !== null && { jwks: metadata.jwks }),
      ...(metadata.jwksUri !== null && { jwks_uri: metadata.jwksUri }),
    },
    201,
  );
}

async function readJson(request: Request): Promise<unknown> {
  const media = request.headers.get("Content-Type") ?? "";
  if (!/^application\/json(?:;|$)/i.test(media)) {
    return refuse("invalid_client_metadata", "Send the metadata as Content-Type: application/json.");
  }
  const text = await readText(request, bytesMax);
  if (text === null) return tooLong;
  try {
    return JSON.parse(text);
  } catch {
    return refuse("invalid_client_metadata", "The body is not JSON.");
  }
}

const tooLong: Refusal = refuse("invalid_client_metadata", `The metadata may be ${bytesMax} bytes at most.`);
