import * as fc from "fast-check";

// Letters whose folding is odd, edges of words and lines, and what lies past the first plane.
const letters = [..."aaabbcAKksSx01-_ \n\n.]{\\éÉßẞſ\u212aΩ\u2126ωςσΣµμΜIiıİΐ\u1fd3ǅǆ😀𐐀𐐨\0\v\t"];

const atoms = [
  ...[
    "a",
    "b",
    "k",
    "S",
    "é",
    "ß",
    "ı",
    "µ",
    "ΐ",
    "σ",
    "😀",
    " ",
    ".",
    ".",
    "\\.",
    "\\_",
    "]",
    "{",
    "}",
    "{2",
    "{,3}",
  ],
  ...[
    "^",
    "$",
    "\\A",
    "\\z",
    "\\b",
    "\\B",
    "|",
    "|",
    "()",
    "(?:)",
    "\\Qa.b\\E",
    "\\Q",
    "\\E",
    "\\d",
    "\\D",
    "\\w",
  ],
  ...[
    "\\W",
    "\\s",
    "\\S",
    "\\n",
    "\\t",
    "\\v",
    "\\f",
    "\\a",
    "\\r",
    "\\07",
    "\\101",
    "\\1",
    "\\8",
    "\\C",
    "\\é",
    "\\",
  ],
  ...[
    "\\x41",
    "\\x{1F600}",
    "\\x{110000}",
    "\\x4",
    "\\x{}",
    "\\pL",
    "\\PL",
    "\\pN",
    "\\p",
    "\\p{Greek}",
    "\\p{^Lu}",
  ],
  ...[
    "\\P{^Ll}",
    "\\p{Lt}",
    "\\p{Lc}",
    "\\p{Any}",
    "\\p{Ascii}",
    "\\p{Assigned}",
    "\\p{Grek}",
    "\\p{Foo}",
    "\\p{Thai}",
  ],
  ...[
    "(?i)",
    "(?s)",
    "(?m)",
    "(?U)",
    "(?-i)",
    "(?i-s)",
    "(?im)",
    "(?)",
    "(?-)",
    "(?i-)",
    "(?x)",
    "[a-c]",
    "[^a]",
  ],
  ...[
    "[[:alpha:]]",
    "[[:^word:]]",
    "[[:foo:]]",
    "[[:]",
    "[\\w-]",
    "[a-]",
    "[]a]",
    "[^]]",
    "[\\d-z]",
    "[a-\\d]",
    "[b-a]",
  ],
  ...[
    "[^\\PL]",
    "[K-s]",
    "[é-ω]",
    "[^\\x00-\\x{10FFFF}]",
    "[\\D\\s]",
    "[\\p{^Greek}k]",
    "[",
    "[a",
    "[^\\n]",
    "[\\Q]",
  ],
];

const counts = [
  ...[
    "*",
    "+",
    "?",
    "*?",
    "+?",
    "??",
    "{2}",
    "{0}",
    "{0,}",
    "{1,}",
    "{1,3}",
    "{2,2}?",
    "{0,2}",
    "{3,}",
    "{33}",
  ],
  ...["{1000}", "{1001}", "{5,2}", "{01}", "{123456789}", "**", "{2}{3}", "+*", "???"],
];

const openings = [
  ...["(", "(?:", "(?i:", "(?s:", "(?m:", "(?U:", "(?-i:", "(?is-m:", "(?P<n>", "(?<n>", "(?P<m1>"],
  ...["(?=", "(?!", "(?<=", "(?<!", "(?>", "(?P=n", "(?P<é>", "(?#", "(?P<n"],
];

const plain = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom("a", "b", "k", "S", "x", ".") },
  { weight: 1, arbitrary: fc.constantFrom(...atoms) },
);
const count = fc.oneof(
  { weight: 6, arbitrary: fc.constant("") },
  { weight: 3, arbitrary: fc.constantFrom(...counts.slice(0, 14)) },
  { weight: 1, arbitrary: fc.constantFrom(...counts) },
);
const opening = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...openings.slice(0, 8)) },
  { weight: 1, arbitrary: fc.constantFrom(...openings) },
);
const closing = fc.oneof(
  { weight: 40, arbitrary: fc.constant(")") },
  { weight: 1, arbitrary: fc.constant("") },
);

/** Patterns in RE2's syntax and next to it: about four in ten are refused. */
export const pattern: fc.Arbitrary<string> = fc.letrec<{ pattern: string; group: string }>((tie) => ({
  group: fc.tuple(opening, tie("pattern"), closing).map((parts) => parts.join("")),
  pattern: fc
    .array(
      fc
        .tuple(fc.oneof({ maxDepth: 4, depthSize: "small" }, plain, plain, plain, tie("group")), count)
        .map((parts) => parts.join("")),
      { maxLength: 5 },
    )
    .map((parts) => parts.join("")),
})).pattern;

/** Short texts of letters that those patterns tell apart. */
export const text: fc.Arbitrary<string> = fc
  .array(fc.constantFrom(...letters), { maxLength: 12 })
  .map((parts) => parts.join(""));
