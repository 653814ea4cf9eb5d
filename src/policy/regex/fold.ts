// Members of an orbit that are neither the lower case of its upper case nor the upper case of that: old letter forms,
// title case, symbols that became letters, and the ligatures that fold together.
const others = [
  0xb5, 0x17f, 0x1c5, 0x1c8, 0x1cb, 0x1f2, 0x345, 0x3c2, 0x3d0, 0x3d1, 0x3d5, 0x3d6, 0x3f0, 0x3f1, 0x3f4,
  0x3f5, 0x1c80, 0x1c81, 0x1c82, 0x1c83, 0x1c84, 0x1c85, 0x1c86, 0x1c87, 0x1c88, 0x1e9b, 0x1e9e, 0x1f88,
  0x1f89, 0x1f8a, 0x1f8b, 0x1f8c, 0x1f8d, 0x1f8e, 0x1f8f, 0x1f98, 0x1f99, 0x1f9a, 0x1f9b, 0x1f9c, 0x1f9d,
  0x1f9e, 0x1f9f, 0x1fa8, 0x1fa9, 0x1faa, 0x1fab, 0x1fac, 0x1fad, 0x1fae, 0x1faf, 0x1fbc, 0x1fbe, 0x1fcc,
  0x1fd3, 0x1fe3, 0x1ffc, 0x2126, 0x212a, 0x212b, 0xfb06,
];

// CaseFolding.txt of Unicode: dotless i folds to nothing, and three pairs fold that no case mapping joins.
const keys = new Map([
  [0x131, 0x131],
  [0x1fd3, 0x390],
  [0x1fe3, 0x3b0],
  [0xfb06, 0xfb05],
]);

const othersOf = Map.groupBy(others, key);

/** Every code point that simple case folding takes for this one, itself among them. */
export function orbit(codePoint: number): readonly number[] {
  if (codePoint < 128 && !/[a-z]/i.test(String.fromCharCode(codePoint))) return [codePoint];
  const folded = key(codePoint);
  const near = new Set([codePoint, folded, upper(folded), ...(othersOf.get(folded) ?? [])]);
  return [...near].filter((each) => key(each) === folded);
}

function key(codePoint: number): number {
  return keys.get(codePoint) ?? lower(upper(codePoint));
}

function upper(codePoint: number): number {
  return single(String.fromCodePoint(codePoint).toUpperCase()) ?? codePoint;
}

function lower(codePoint: number): number {
  return single(String.fromCodePoint(codePoint).toLowerCase()) ?? codePoint;
}

function single(text: string): number | undefined {
  const codePoint = text.codePointAt(0);
  return codePoint !== undefined && String.fromCodePoint(codePoint) === text ? codePoint : undefined;
}
