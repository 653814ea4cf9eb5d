import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { borrowedWords, disguisesOf, hiddenCharacters, lookAlikesAmong } from "../../src/risk/disguise.ts";

describe("characters that nobody sees are named", () => {
  test.each([
    ["zero width", "Reads\u200b a file\u2060.", ["U+200B", "U+2060"]],
    ["direction", "Reads \u202egnp.exe\u2066", ["U+202E", "U+2066"]],
    ["tags", "Reads\u{e0049}\u{e0067}", ["U+E0049", "U+E0067"]],
    ["variation selectors", "a\ufe01b\u{e0101}", ["U+FE01", "U+E0101"]],
    ["fillers", "a\u3164\u115f\u2800\u034f", ["U+3164", "U+115F", "U+2800", "U+034F"]],
    ["terminal escapes", "a\u001b[2J\u0000", ["U+001B", "U+0000"]],
    ["soft hyphen and private use", "re\u00adads\ue000", ["U+00AD", "U+E000"]],
    ["half a pair", "a\ud800", ["U+D800"]],
    ["each once", "\u200b\u200b", ["U+200B"]],
  ])("%s", (_name, text, hidden) => {
    expect(hiddenCharacters(text)).toEqual(hidden);
  });

  test.each([
    "Lists\tall\r\nfiles.",
    "Größe, naïve, 日本語, العربية, ภาษาไทย – “quoted” … 10 µs",
    "❤️ 👩‍👩‍👧 🏳️‍🌈 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ℹ️ 1️⃣",
  ])("ordinary text has none: %j", (text) => {
    expect(hiddenCharacters(text)).toEqual([]);
  });
});

describe("words in borrowed letters are named", () => {
  test.each([
    ["Cyrillic among Latin", "Pay with p\u0430yp\u0430l today", ["p\u0430yp\u0430l"]],
    [
      "mathematical letters",
      "\u{1d41d}\u{1d42b}\u{1d428}\u{1d429} it",
      ["\u{1d41d}\u{1d42b}\u{1d428}\u{1d429}"],
    ],
    ["full width", "\uff44rop", ["\uff44rop"]],
  ])("%s", (_name, text, words) => {
    expect(borrowedWords(text)).toEqual(words);
  });

  test.each(["Привет world", "Ελληνικά and English", "10 µs, 5 Ω, Δx", "naïve café", "データ api"])(
    "%j has none",
    (text) => {
      expect(borrowedWords(text)).toEqual([]);
    },
  );
});

describe("a tool that could be mistaken for another", () => {
  const others = [
    { server: "github", name: "create_issue" },
    { server: "github", name: "delete_file" },
    { server: "files", name: "list" },
  ];
  const alike = (name: string, server = "other") => lookAlikesAmong(others)({ server, name });

  test.each([
    ["the same name elsewhere", "create_issue", "create_issue"],
    ["one letter less", "creat_issue", "create_issue"],
    ["two letters exchanged", "craete_issue", "create_issue"],
    ["two letters more", "create_issues2", "create_issue"],
    ["l for 1", "de1ete_fi1e", "delete_file"],
    ["another case and separator", "DeleteFile", "delete_file"],
    ["l for i, and a letter less", "creat_lssue", "create_issue"],
    ["a short name, one letter off", "lists", "list"],
  ])("%s", (_name, name, like) => {
    expect(alike(name).map((other) => other.name)).toEqual([like]);
  });

  test.each([
    ["three letters off", "create_is"],
    ["another name", "read_channel"],
    ["a short name, two letters off", "last2"],
  ])("is not %s", (_name, name) => {
    expect(alike(name)).toEqual([]);
  });

  test("is never itself", () => {
    expect(alike("create_issue", "github")).toEqual([]);
  });

  test.each([
    ["one letter off", "create_issu", "create_issue"],
    ["two letters off in a long word", "craete_issue", "create_issue"],
    ["that reads alike", "delete_fi1e", "delete_file"],
  ])("on its own server is one %s", (_name, name, like) => {
    expect(alike(name, "github").map((other) => other.name)).toEqual([like]);
  });

  test.each([
    ["two letters off in a short word", "delete_pipe"],
    ["a word longer", "create_issue_all"],
  ])("on its own server is not one of its family: %s", (_name, name) => {
    expect(alike(name, "github")).toEqual([]);
  });

  test("is found whatever two letters differ, and wherever", () => {
    const letters = fc.string({ unit: fc.constantFrom(..."abc_rnmvw1i"), maxLength: 12 });
    const edit = fc.record({
      at: fc.nat(20),
      out: fc.nat(1),
      put: fc.string({ unit: fc.constantFrom(..."abxrnmvw_"), maxLength: 1 }),
    });
    fc.assert(
      fc.property(
        letters,
        fc.array(edit, { maxLength: 2 }),
        fc.array(letters, { maxLength: 20 }),
        (name, edits, more) => {
          const original = `stem${name}`;
          const changed = edits.reduce((text, { at, out, put }) => {
            const place = at % (text.length + 1);
            return text.slice(0, place) + put + text.slice(place + out);
          }, original);
          fc.pre(Math.min(original.replaceAll("_", "").length, changed.replaceAll("_", "").length) >= 6);
          const known = [changed, ...more].map((one) => ({ server: "b", name: one }));
          expect(lookAlikesAmong(known)({ server: "a", name: original })).toContainEqual(known[0]);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test("is found in both directions", () => {
    const pair = [
      { server: "a", name: "transfer_funds" },
      { server: "b", name: "transfer_furnds" },
    ];
    expect(pair.map(lookAlikesAmong(pair))).toEqual([[pair[1]], [pair[0]]]);
  });
});

test("every key and string of a definition is read, at any depth and however it is escaped", () => {
  const definition = JSON.stringify({
    name: "read",
    description: "Reads.\u001b",
    inputSchema: { properties: { "p\u0430th": { enum: ["a\u200b", 1, null] } } },
  });
  expect(disguisesOf(definition)).toEqual([
    { kind: "hidden_character", says: "U+001B" },
    { kind: "hidden_character", says: "U+200B" },
    { kind: "borrowed_letters", says: "p\u0430th" },
  ]);
});
