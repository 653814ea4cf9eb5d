import { describe, expect, it } from "vitest";
import { nextOf } from "../../src/web/next.ts";
import { servePage } from "../../src/web/pages.ts";

const origin = "https://gateway.example";
const get = (path: string, init?: RequestInit) => servePage(new Request(origin + path, init), origin);

const pages = [
  "/sign-in",
  "/sign-up",
  "/confirm-email",
  "/forgot-password",
  "/reset-password",
  "/invitations",
  "/approvals/apr_00000000000000000000000000_1",
];

describe("every page", () => {
  it.each(pages)("%s loads our own script and style alone, and nobody frames or keeps it", async (path) => {
    const answer = get(path);
    expect([answer.status, Object.fromEntries(answer.headers)]).toEqual([
      200,
      {
        "cache-control": "no-store",
        "content-security-policy":
          "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "content-type": "text/html; charset=utf-8",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
      },
    ]);
    const text = await answer.text();
    expect(text.match(/(?:src|href)="(?!\/)[^"]*"/g)).toBeNull();
    expect(text).not.toMatch(/<script(?! type="module" src=)|<style|\son\w+=|\sstyle=/);
  });

  it.each(pages)("%s names each thing that it asks for, and marks its mistake", async (path) => {
    const text = await get(path).text();
    const asked = [...text.matchAll(/<input id="([^"]+)"/g)].map(([, id]) => id);
    for (const id of asked) {
      expect(text).toContain(`<label for="${id}">`);
      expect(text).toContain(`id="${id}-mistake"`);
    }
    expect(new Set(asked).size).toBe(asked.length);
  });

  it("is read, and nothing else", () => {
    const answer = get("/sign-in", { method: "POST" });
    expect([answer.status, answer.headers.get("Allow")]).toEqual([405, "GET, HEAD"]);
  });
});

it("an approval's page is there for what could be one, and for nothing else", async () => {
  expect(get("/approvals/apr_x").status).toBe(404);
  expect(get("/approvals/<script>").status).toBe(404);
});

describe("where a sign-in leads", () => {
  it.each(["/", "/authorize?client_id=x&state=%2F%2Fevil.example#at", "/a/../b"])(
    "is a path of our own: %s",
    (next) => {
      expect(nextOf(next, origin)).toBe(new URL(next, origin).href);
    },
  );

  it.each([
    null,
    "",
    "authorize",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/a/..//evil.example",
    "https://evil.example/",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    " /x",
    "@evil.example",
    "/\\/evil.example",
  ])("is our start where it could be elsewhere: %j", (next) => {
    expect(nextOf(next, origin)).toBe(`${origin}/`);
  });

  it("is told to the script as text, whatever it holds", async () => {
    const next = `/x?"><script>alert(1)</script>`;
    const text = await get(`/sign-in?next=${encodeURIComponent(next)}`).text();
    expect(text).not.toContain("<script>");
    expect(text).toContain(`data-next="${origin}/x?%22%3E%3Cscript%3Ealert(1)%3C/script%3E"`);
  });
});
