/** An exact decimal: `digits × 10^exponent`, `digits` signed and without trailing zeros (zero is 0 × 10^0). */
export interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

// policy.md §2: past these a number cannot be evaluated; both are counted as written.
const digitsMax = 64;
const exponentMax = 400;

const parts = /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/;

/** The exact value of a JSON number's text, or null past 64 digits or an exponent of ±400. */
export function decimal(text: string): Decimal | null {
  const found = parts.exec(text);
  if (!found) return null;
  const [, sign = "", whole = "", fraction = "", written = "0"] = found;
  const exponent = Number(written);
  if (whole.length + fraction.length > digitsMax || Math.abs(exponent) > exponentMax) return null;
  const magnitude = BigInt(whole + fraction);
  return normalise(sign === "-" ? -magnitude : magnitude, exponent - fraction.length);
}

function normalise(digits: bigint, exponent: number): Decimal {
  if (digits === 0n) return { digits: 0n, exponent: 0 };
  let rest = digits;
  let power = exponent;
  while (rest % 10n === 0n) {
    rest /= 10n;
    power++;
  }
  return { digits: rest, exponent: power };
}

/** Negative, zero or positive, as `a` is below, equal to or above `b`. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const exponent = Math.min(a.exponent, b.exponent);
  const left = a.digits * 10n ** BigInt(a.exponent - exponent);
  const right = b.digits * 10n ** BigInt(b.exponent - exponent);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The value in units of 10^-`places`, or null where it has more places than that. */
export function scaled(value: Decimal, places: number): bigint | null {
  const shift = value.exponent + places;
  return shift < 0 ? null : value.digits * 10n ** BigInt(shift);
}

/** One text per value: plain digits for short numbers, `<digits>e<exponent>` otherwise; past the caps, as written. */
export function canonicalNumber(text: string): string {
  const value = decimal(text);
  if (!value) return text;
  return value.exponent === 0 ? String(value.digits) : `${value.digits}e${value.exponent}`;
}
