import { isFault } from "../fault.ts";
import { type IssuerKeys, readIssuerKeys } from "../identity/issuer_keys.ts";
import { type FetchDeps, guardedFetch } from "../upstream/fetch.ts";
import { type Client, readMetadata } from "./client.ts";
import { isRefusal, type Refusal, refuse } from "./refusal.ts";

const caps = { bytesMax: 32_768, timeoutMs: 5_000 };
const keptMax = 200;
const keptMs = { default: 300_000, min: 60_000, max: 24 * 3_600_000 };
/** Keys are asked for again soon: one that its owner has withdrawn must not count for a day. */
const keysKeptMaxMs = 600_000;

interface Kept {
  readonly body: Readonly<Record<string, unknown>>;
  readonly atMs: number;
  readonly forMs: number;
}

/** Clients that are an address, where a document says who they are (draft-ietf-oauth-client-id-metadata-document). */
export class ClientDocuments {
  readonly #fetch: FetchDeps;
  readonly #now: () => number;
  readonly #kept = new Map<string, Kept>();

  constructor(fetch: FetchDeps, now: () => number) {
    this.#fetch = fetch;
    this.#now = now;
  }

  /** The client of that address, or why there is none. Kept as long as its server says, a day at most. */
  async read(id: string): Promise<Client | Refusal> {
    if (!isDocumentAddress(id)) return badAddress;
    const body = await this.#get(id, keptMs.max);
    if (!body) return unreadable;
    if (body["client_id"] !== id) return otherClient;
    if ("client_secret" in body || /^client_secret/.test(String(body["token_endpoint_auth_method"]))) {
      return withSecret;
    }
    const metadata = readMetadata(body, "none");
    return isRefusal(metadata) ? metadata : { ...metadata, id, from: "document", secretHash: null };
  }

  /** The public keys at a client's `jwks_uri`, or null. */
  async keys(url: string): Promise<IssuerKeys | null> {
    return readIssuerKeys(await this.#get(url, keysKeptMaxMs));
  }

  async #get(url: string, keptMaxMs: number): Promise<Kept["body"] | null> {
    const known = this.#kept.get(url);
    const nowMs = this.#now();
    if (known && nowMs - known.atMs < Math.min(known.forMs, keptMaxMs)) return known.body;
    const fetched = await this.#load(url);
    if (!fetched) return null;
    if (this.#kept.size >= keptMax) this.#kept.delete(this.#kept.keys().next().value ?? "");
    this.#kept.set(url, { ...fetched, atMs: nowMs });
    return fetched.body;
  }

  async #load(url: string): Promise<Omit<Kept, "atMs"> | null> {
    const answer = await guardedFetch(this.#fetch, url, { headers: { Accept: "application/json" } }, caps);
    if (isFault(answer)) return null;
    const { status, headers } = answer;
    if (
      status !== 200 ||
      !/^application\/(?:[a-z0-9.-]+\+)?json\b/i.test(headers.get("Content-Type") ?? "")
    ) {
      await answer.body?.cancel();
      return null;
    }
    const body: unknown = await answer.json().catch(() => null);
    if (typeof body !== "object" || body === null || Array.isArray(body)) return null;
    return { body: body as Kept["body"], forMs: freshFor(headers.get("Cache-Control") ?? "") };
  }
}

/** How long an answer may be kept (RFC 9111 §5.2.2), within our own bounds: an attacker's say must not make us ask all day. */
function freshFor(cacheControl: string): number {
  if (/\bno-(?:store|cache)\b/i.test(cacheControl)) return keptMs.min;
  const seconds = /\bmax-age=(\d{1,9})\b/i.exec(cacheControl)?.[1];
  const ms = seconds === undefined ? keptMs.default : Number(seconds) * 1000;
  return Math.min(Math.max(ms, keptMs.min), keptMs.max);
}

/** An address with a path, and nothing in it that two readers could take differently. The guard judges the rest. */
function isDocumentAddress(id: string): boolean {
  const url = URL.parse(id);
  return url !== null && url.href === id && url.pathname !== "/" && url.hash === "" && !id.includes("#");
}

const badAddress = refuse(
  "invalid_client",
  "A client_id that is an address must be a whole https URL with a path, in its normal form and without a fragment.",
);
const unreadable = refuse(
  "invalid_client",
  "The client's metadata document cannot be read. Its address must answer 200 with JSON of 32 KiB at most, within 5 seconds and without a redirect.",
);
const otherClient = refuse(
  "invalid_client",
  "The client's metadata document is another client's: its client_id must be the address that it is read from.",
);
const withSecret = refuse(
  "invalid_client",
  "A client with a metadata document cannot have a secret, since anybody reads the document. Use none or private_key_jwt.",
);
