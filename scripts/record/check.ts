import { createHash, createPublicKey, type JsonWebKey, verify } from "node:crypto";

// Written from docs/record.md alone, and sharing no code with the gateway: it is the second opinion.

export interface Report {
  readonly ok: boolean;
  readonly team: string;
  readonly from: number;
  readonly to: number;
  readonly head: string;
  /** The last entry that a checkpoint covers; what lies behind it, its keeper could still rewrite. */
  readonly sealed: number;
  readonly problem: string | null;
}

export type Jwks = { readonly keys: readonly (JsonWebKey & { kid?: string })[] };
type Statement = { team: string; n: number; hash: string };

const hex = /^[0-9a-f]{64}$/;
const byLength = (text: string): Buffer[] => {
  const bytes = Buffer.from(text, "utf8");
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return [length, bytes];
};
const digest = (start: string, texts: readonly string[]): string =>
  createHash("sha256")
    .update(Buffer.concat([Buffer.from(start, "hex"), ...texts.flatMap(byLength)]))
    .digest("hex");

/** What a checkpoint says, if one of the keys signed it. */
export function readCheckpoint(jws: string, jwks: Jwks): Statement | null {
  const [header = "", payload = "", signature = "", ...rest] = jws.trim().split(".");
  try {
    const { alg, typ, kid } = JSON.parse(Buffer.from(header, "base64url").toString());
    const jwk = jwks.keys.find((key) => key.kid === kid);
    if (alg !== "EdDSA" || typ !== "portcullis-checkpoint" || !jwk || rest.length > 0) return null;
    const key = createPublicKey({ key: { ...jwk }, format: "jwk" });
    const good = verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, "base64url"));
    return good ? JSON.parse(Buffer.from(payload, "base64url").toString()) : null;
  } catch {
    return null;
  }
}

type Ordered = { kind: string; gate: string; seq: number; outcome?: object };

/** Checks an export line by line, and that it agrees with every checkpoint that was kept from earlier. */
export class ExportCheck {
  readonly #jwks: Jwks;
  readonly #held = new Map<number, string>();
  readonly #seqs = new Map<string, number>();
  readonly #outcomes = new Set<string>();
  #team = "";
  #start = 0;
  /** The last entry that retention took, while no event has told of it. */
  #dropped = 0;
  #n = 0;
  #hash = "";
  #sealed = 0;
  #problem: string | null = null;

  constructor(jwks: Jwks, held: readonly string[]) {
    this.#jwks = jwks;
    for (const jws of held) {
      const said = readCheckpoint(jws, jwks);
      if (said) this.#held.set(said.n, said.hash);
      else this.#problem ??= "a kept checkpoint is not signed by these keys";
    }
  }

  line(text: string): void {
    if (this.#problem !== null || text === "") return;
    try {
      this.#problem = this.#read(text);
    } catch {
      this.#problem = `behind entry ${this.#n} stands a line that cannot be read`;
    }
  }

  #read(text: string): string | null {
    const {
      portcullis_log: version,
      team,
      after,
      dropped,
      checkpoint,
      n,
      hash,
      values,
      entry,
    } = JSON.parse(text);
    if (this.#team === "") {
      if (version !== 1 || !hex.test(after.hash) || (after.n === 0 && !/^0+$/.test(after.hash)))
        return "this is not an export";
      [this.#team, this.#start, this.#n, this.#hash] = [team, after.n, after.n, after.hash];
      this.#dropped = dropped === after.n ? dropped : 0;
      return this.#agree();
    }
    if (checkpoint !== undefined) return this.#seal(checkpoint);
    if (n !== this.#n + 1) return `entry ${this.#n + 1} is missing`;
    // The hashed text is the export's own: everything behind `"entry":`, up to the line's last brace.
    const body = text.slice(text.indexOf('"entry":') + '"entry":'.length, -1);
    this.#hash = digest(this.#hash, [String(n), body]);
    this.#n = n;
    if (hash !== this.#hash) return `entry ${n} is not what was recorded`;
    if (values && digest(values.salt, [values.text]) !== entry.valuesHash)
      return `the arguments of entry ${n} are not what was recorded`;
    if (entry.action === "log.dropped" && entry.detail.up_to === this.#dropped) this.#dropped = 0;
    return this.#order(entry) ?? this.#agree();
  }

  #seal(jws: string): string | null {
    const said = readCheckpoint(jws, this.#jwks);
    if (said?.team !== this.#team || said.n !== this.#n || said.hash !== this.#hash)
      return `the checkpoint at ${this.#n} does not hold`;
    this.#sealed = this.#n;
    return null;
  }

  #order({ kind, gate, seq, outcome }: Ordered): string | null {
    if (kind === "outcome" || (kind === "decision" && outcome)) {
      const id = `${gate} ${seq}`;
      if (this.#outcomes.has(id)) return `entry ${this.#n} ends a call a second time`;
      this.#outcomes.add(id);
    }
    if (kind !== "decision") return null;
    const before = this.#seqs.get(gate) ?? (this.#start === 0 ? 0 : seq - 1);
    this.#seqs.set(gate, seq);
    return seq === before + 1 ? null : `decision ${before + 1} of ${gate} is missing before entry ${this.#n}`;
  }

  #agree(): string | null {
    const kept = this.#held.get(this.#n);
    return kept === undefined || kept === this.#hash ? null : `entry ${this.#n} is not what was sealed`;
  }

  end(): Report {
    const latest = Math.max(0, ...this.#held.keys());
    if (this.#team === "") this.#problem ??= "this is not an export";
    if (this.#dropped > 0)
      this.#problem ??= `the log begins behind entry ${this.#dropped} without saying why`;
    if (latest > this.#n) this.#problem ??= `the log ends at ${this.#n}, but was sealed up to ${latest}`;
    for (const n of this.#held.keys())
      if (n <= this.#n && n >= this.#start) this.#sealed = Math.max(this.#sealed, n);
    const ok = this.#problem === null;
    return {
      ok,
      team: this.#team,
      from: this.#start + 1,
      to: this.#n,
      head: this.#hash,
      sealed: this.#sealed,
      problem: this.#problem,
    };
  }
}
