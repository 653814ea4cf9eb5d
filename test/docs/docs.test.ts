import { describe, expect, it } from "vitest";

declare global {
  interface ImportMeta {
    /** The files themselves are not read. */
    glob(pattern: string): Readonly<Record<string, unknown>>;
  }
}

/** Every page of prose, and the name of every file that one could lead to. */
const pages = new Map(
  Object.entries({
    ...import.meta.glob("/*.md", { query: "?raw", import: "default", eager: true }),
    ...import.meta.glob("/docs/**/*.md", { query: "?raw", import: "default", eager: true }),
  }).map(([path, text]) => [path.slice(1), text] as const),
);
const files = new Set(
  Object.keys({
    ...import.meta.glob("/{docs,migrations,scripts,src,test}/**/*"),
    ...import.meta.glob("/*.{md,json,toml,ts}"),
  }).map((path) => path.slice(1)),
)
  // A glob leaves its own file out.
  .add("test/docs/docs.test.ts")
  .add("LICENSE");

/** Where a relative address leads from a page, without what stands behind a #. */
const targetOf = (page: string, address: string): string =>
  new URL(address, `file:///${page}`).pathname.slice(1);

/** The anchors that headings make, as code hosts write them. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );

describe.each([...pages])("%s", (page, text) => {
  const prose = text.replaceAll(/^(?:```|~~~).*?^(?:```|~~~)$/gms, "").replaceAll(/`[^`\n]*`/g, "");
  const links = [...prose.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map(([, address = ""]) => address);

  it("leads nowhere but to what is there", () => {
    const broken = links.filter((address) => {
      const [path = "", anchor] = address.split("#");
      const target = path === "" ? page : targetOf(page, path);
      const there =
        files.has(target) || [...files].some((file) => file.startsWith(`${target.replace(/\/$/, "")}/`));
      const anchored = pages.get(target);
      return (
        !there || (anchor !== undefined && anchored !== undefined && !anchorsOf(anchored).includes(anchor))
      );
    });
    expect(broken).toEqual([]);
  });

  it("names only tests that are there", () => {
    const tests = [...text.matchAll(/\btest\/[\w./-]+\.ts\b/g)].map(([path]) => path);
    expect(tests.filter((path) => !files.has(path))).toEqual([]);
  });
});

it("every row of a standard names a test, or says that none covers it", () => {
  const text = pages.get("docs/security.md") ?? "";
  const rows =
    text
      .split("## Standards")[1]
      ?.split("## How far")[0]
      ?.match(/^\|.*\|$/gm) ?? [];
  const told = rows.filter((row) => !/^\|(?: (?:risk|section) \||---)/.test(row));
  expect(told.length).toBeGreaterThan(60);
  const silent = told.filter(
    (row) => !/`test\/[^`]+\.test\.ts`/.test(row) && !row.endsWith("| not covered |"),
  );
  expect(silent).toEqual([]);
  // Nothing that is said to be covered goes without one.
  expect(told.filter((row) => /\| yes \|/.test(row) && row.endsWith("| not covered |"))).toEqual([]);
});
