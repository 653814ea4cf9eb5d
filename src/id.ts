const prefixes = [
  "tm",
  "usr",
  "ses",
  "srv",
  "pol",
  "grt",
  "jti",
  "apr",
  "req",
  "evt",
  "hok",
  "inv",
  "chl",
  "psk",
  "tok",
  "con",
  "fam",
  "cli",
] as const;
type Prefix = (typeof prefixes)[number];

type Branded<P extends string> = string & { readonly __id: P };
export type TeamId = Branded<"tm">;
export type UserId = Branded<"usr">;
export type ServerId = Branded<"srv">;
export type PolicyId = Branded<"pol">;
export type GrantId = Branded<"grt">;
export type DecisionId = Branded<"dec">;
export type ApprovalId = Branded<"apr">;
export type EventId = Branded<"evt">;
export type HookId = Branded<"hok">;
export type InvitationId = Branded<"inv">;
export type PasskeyId = Branded<"psk">;
export type ScriptTokenId = Branded<"tok">;
export type ConnectionId = Branded<"con">;
export type FamilyId = Branded<"fam">;

/** A source of randomness, passed in so that tests can replay: `bytes(16)` gives 16 of them. */
export type Random = (count: number) => Uint8Array;

// Crockford's base 32 in lower case: no i, l, o, u, so that an id read aloud survives.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const idBytes = 16;

/** A new id such as `grt_2v8…`: 128 random bits in 26 characters behind the prefix. */
export function newId<P extends Prefix>(prefix: P, random: Random): Branded<P> {
  let [text, bits, held] = ["", 0, 0];
  for (const byte of random(idBytes).toReversed()) {
    bits |= byte << held;
    for (held += 8; held >= 5; held -= 5) {
      text = alphabet[bits & 31] + text;
      bits >>= 5;
    }
  }
  return `${prefix}_${alphabet[bits]}${text}` as Branded<P>;
}

const body = /^[0-9a-hjkmnp-tv-z]{26}$/;

/** Whether `text` is an id of that kind (by shape alone: it says nothing of whether the thing exists). */
export const isId = <P extends Prefix>(prefix: P, text: string): text is Branded<P> =>
  text.startsWith(`${prefix}_`) && body.test(text.slice(prefix.length + 1));

/** `dec_<gate>_<seq>`: a decision's id carries its gate, so that it is found without an index (architecture §1). */
export const decisionId = (gate: GrantId, seq: number): DecisionId => placed("dec", gate, seq);

/** The gate and sequence number inside a decision's id, or null where the text is not one. */
export const decisionParts = (id: string): Place | null => placeOf("dec", id);

/** `apr_<gate>_<seq>`: an approval's id carries its gate for the same reason. */
export const approvalId = (gate: GrantId, seq: number): ApprovalId => placed("apr", gate, seq);

/** The gate and sequence number inside an approval's id, or null where the text is not one. */
export const approvalParts = (id: string): Place | null => placeOf("apr", id);

/** A gate, and the number under which it keeps something. */
export interface Place {
  readonly gate: GrantId;
  readonly seq: number;
}

const placed = <P extends "dec" | "apr">(prefix: P, gate: GrantId, seq: number): Branded<P> =>
  `${prefix}_${gate.slice("grt_".length)}_${seq.toString(36)}` as Branded<P>;

function placeOf(wanted: "dec" | "apr", id: string): Place | null {
  const [, prefix, gate, seq] = placePattern.exec(id) ?? [];
  if (prefix !== wanted || !gate || !seq) return null;
  return { gate: `grt_${gate}` as GrantId, seq: Number.parseInt(seq, 36) };
}

const placePattern = /^(dec|apr)_([0-9a-hjkmnp-tv-z]{26})_([0-9a-z]{1,10})$/;
