import fc from "fast-check";
import { expect, test } from "vitest";
import { pathOf } from "../../src/route.ts";

test("a request's path is what the URL parser reads, whatever the text", () => {
  const piece = fc.constantFrom(
    "a",
    "mcp",
    "team-1",
    "/",
    "//",
    "\\",
    ".",
    "..",
    "%2e",
    "?",
    "#",
    "@",
    ":",
    "\t",
    " ",
    "ü",
    "/mcp/a/b",
  );
  const host = fc.constantFrom(
    "gate.example",
    "127.0.0.1:8787",
    "[::1]:80",
    "GATE.example",
    "a\\b",
    "u:p@gate.example",
    "gate.example\t",
  );
  fc.assert(
    fc.property(
      fc.constantFrom("http", "https"),
      host,
      fc.array(piece, { maxLength: 8 }),
      (scheme, name, pieces) => {
        const url = `${scheme}://${name}/${pieces.join("")}`;
        fc.pre(URL.canParse(url));
        expect(pathOf(url)).toBe(new URL(url).pathname);
      },
    ),
    { numRuns: 2_000 },
  );
});
