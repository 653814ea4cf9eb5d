const rememberedMs = 60_000;
const rememberedMax = 10_000;

interface Remembered<B> {
  readonly bearer: B;
  readonly untilMs: number;
}

/**
 * Bearer tokens that this isolate verified in the last minute, so that a busy client costs one signature check a minute.
 * It says only that the signature held: standing is asked of the gate at every request.
 */
export class VerifiedTokens<B extends { readonly expiresAtMs: number }> {
  readonly #tokens = new Map<string, Remembered<B>>();

  /** The bearer of a token that was verified under this key set less than 60 s ago and has not expired, or null. */
  get(version: string, token: string, nowMs: number): B | null {
    const found = this.#tokens.get(keyOf(version, token));
    if (!found) return null;
    if (nowMs < found.untilMs) return found.bearer;
    this.#tokens.delete(keyOf(version, token));
    return null;
  }

  /** Remembers a verified token; at 10,000 the oldest leaves. */
  set(version: string, token: string, bearer: B, nowMs: number): void {
    if (this.#tokens.size >= rememberedMax) {
      for (const oldest of this.#tokens.keys()) {
        this.#tokens.delete(oldest);
        break;
      }
    }
    const untilMs = Math.min(nowMs + rememberedMs, bearer.expiresAtMs);
    this.#tokens.set(keyOf(version, token), { bearer, untilMs });
  }
}

const keyOf = (version: string, token: string): string => `${version} ${token}`;
