import { describe, expect, test } from "vitest";
import { guardRules, judgeUrl } from "../../src/upstream/guard.ts";
import { controls, refusedUrls } from "./addresses.ts";

const rules = { allowLoopback: false, ownOrigin: "https://gate.portcullis.dev" };

describe("with the development switch off", () => {
  test("the corpus has at least 300 different addresses", () => {
    expect(new Set(refusedUrls).size).toBeGreaterThanOrEqual(300);
  });

  test.each(refusedUrls.map((url) => [url]))("%j is refused, and all alike", (url) => {
    expect(judgeUrl(url, rules)).toEqual({
      fault: "invalid",
      detail:
        "This address cannot be used. Give the https address of a server with a public host name: no IP address, no " +
        "user name or password, no private or local name, and not this gateway's own.",
    });
  });

  test.each(controls.map((url) => [url]))("%s is accepted", (url) => {
    expect(judgeUrl(url, rules)).toEqual({ ok: true, url: new URL(url) });
  });
});

describe("with the development switch on", () => {
  const dev = { allowLoopback: true, ownOrigin: "http://localhost:8787" };

  test.each([
    "http://127.0.0.1:3001/mcp",
    "http://localhost:3001/mcp",
    "http://localhost",
    controls[0] ?? "",
  ])("%s is accepted", (url) => {
    expect(judgeUrl(url, dev)).toEqual({ ok: true, url: new URL(url) });
  });

  const spelled = /^http:\/\/(?:127\.0\.0\.1|localhost)(?:[:/]|$)/;
  const elsewhere = /gate(?:\.|%2e|。)portcullis/i;
  test("everything else of the corpus stays refused", () => {
    const others = refusedUrls.filter((url) => !spelled.test(url) && !elsewhere.test(url));
    expect(others.length).toBeGreaterThanOrEqual(300);
    expect(others.filter((url) => "ok" in judgeUrl(url, dev))).toEqual([]);
  });

  test.each([
    "http://127.0.0.1:8787/mcp/a/b",
    "http://localhost:8787",
    "https://localhost:3001",
    "https://127.0.0.1",
  ])("%s is refused: the gateway itself, or not http", (url) => {
    expect(judgeUrl(url, dev)).toMatchObject({ fault: "invalid" });
  });

  test("a gateway on a public origin takes no loopback address even if its rules were made to say so", () => {
    expect(judgeUrl("http://127.0.0.1:3001", { ...rules, allowLoopback: true })).toMatchObject({
      fault: "invalid",
    });
  });
});

describe("the Worker's settings", () => {
  test("the switch is on only by the word true", () => {
    const off = { allowLoopback: false, ownOrigin: "http://localhost:8787" };
    for (const word of [undefined, "", "1", "TRUE", "false"]) {
      expect(guardRules("http://localhost:8787", word)).toEqual(off);
    }
    expect(guardRules("http://localhost:8787", "true")).toEqual({ ...off, allowLoopback: true });
    expect(guardRules("http://127.0.0.1:8787", "true")).toMatchObject({ allowLoopback: true });
  });

  test("the switch is refused where the gateway's own origin is public, or none", () => {
    for (const origin of [
      "https://gate.portcullis.dev",
      "https://localhost.evil.com",
      "http://192.168.1.4:8787",
      "",
    ]) {
      expect(guardRules(origin, "true")).toMatchObject({ fault: "misconfigured" });
    }
  });
});
