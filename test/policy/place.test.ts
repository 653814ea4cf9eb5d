import { expect, test } from "vitest";
import { judge, onPay } from "./judge.ts";

const outcome = (op: string, value: unknown, text: string): boolean | "cannot" => {
  const decision = judge(onPay({ require: [{ conditions: [{ path: "args.at", op, value }] }] }), {
    args: JSON.stringify({ at: text }),
  });
  return decision.errors.length > 0 ? "cannot" : decision.effect === "allow";
};

const hosts = ["example.com", "*.example.org", "[::1]", "bücher.example"];

test.each<[string, boolean | "cannot"]>([
  ["https://example.com/a?b=@c", true],
  ["HTTP://EXAMPLE.COM", true],
  ["https://example.com.:8443/", true],
  ["https://a.example.org", true],
  ["https://a.b.example.org", true],
  ["https://example.org", false],
  ["https://sub.example.com", false],
  ["https://example.com.evil.net", false],
  ["https://notexample.org", false],
  ["https://ex%61mple.com/", true],
  ["https://xn--bcher-kva.example/", true],
  ["https://BÜCHER.example/", true],
  ["http://[0:0:0:0:0:0:0:1]/", true],
  ["http://2130706433/", false],
  ["ftp://example.com", "cannot"],
  ["//example.com", "cannot"],
  ["example.com", "cannot"],
  ["https:/example.com", "cannot"],
  ["https:///example.com", "cannot"],
  ["https://example.com@evil.net/", "cannot"],
  ["https://evil.net?@example.com/", "cannot"],
  ["https://evil.net\\@example.com/", "cannot"],
  ["https://example.com/a\\b", "cannot"],
  [" https://example.com", "cannot"],
  ["https://example.com/\n", "cannot"],
  ["https://exam\tple.com/", "cannot"],
  ["https://example.com/a\u00a0b", "cannot"],
  ["https://example.com../", "cannot"],
  ["https://exa mple.com/", "cannot"],
  ["https://?example.com/", "cannot"],
  ["", "cannot"],
])("host_in sees %j as %s", (url, expected) => {
  expect(outcome("host_in", hosts, url)).toBe(expected);
});

test.each<[string, boolean | "cannot"]>([
  ["/srv/data", true],
  ["/srv/data/", true],
  ["/srv/data/a/../b", true],
  ["/srv/./data//x", true],
  ["/srv/database", false],
  ["/srv/data/../etc", false],
  ["/srv/data/%2e%2e/etc", false],
  ["/srv/data/%252e%252e/etc", false],
  ["/srv/data/..%2fetc", false],
  ["/srv/data/%2525252e%2525252e/etc", false],
  ["/srv/data/%25252525252e", "cannot"],
  ["/srv/data/a%20b", true],
  ["/etc/%2e%2e/srv/data", false],
  ["/../srv/data", true],
  ["srv/data", "cannot"],
  ["", "cannot"],
  ["/srv/data/%zz", "cannot"],
  ["/srv/data/100%", "cannot"],
  ["/srv/data/%ff", "cannot"],
  ["/srv/data/%00", "cannot"],
  ["/srv/data/%2500", "cannot"],
  ["/srv/data/\0", "cannot"],
])("path_within sees %j as %s", (path, expected) => {
  expect(outcome("path_within", "/srv/data", path)).toBe(expected);
});

test("everything absolute is within the root", () => {
  expect(outcome("path_within", "/", "/etc/passwd")).toBe(true);
});

const reading = (uri: string) =>
  judge(
    { version: "1", default: "deny", resources: { "file:///srv/*": {} } },
    { call: { method: "resources/read", kind: "resource", name: uri } },
  ).rule;

test.each([
  ["file:///srv/a/b", ""],
  ["file:///srv/a.b/..c", ""],
  ["file:///etc/passwd", "(default deny)"],
  ["file:///srv/../etc/passwd", "(ambiguous uri)"],
  ["file:///srv/./a", "(ambiguous uri)"],
  ["file:///srv/%2e%2E/etc", "(ambiguous uri)"],
  ["file:///srv/..%2fetc", "(ambiguous uri)"],
  ["file:///srv/%252e%252e/etc", "(ambiguous uri)"],
  ["file:///srv/..\\etc", "(ambiguous uri)"],
  ["file:///srv/%5cetc", "(ambiguous uri)"],
  ["file:///srv/%ff/%2e%2e/etc", "(ambiguous uri)"],
  ["file:///srv/%25252525252525", "(ambiguous uri)"],
])("a resource %s is judged %j", (uri, rule) => {
  expect(reading(uri)).toBe(rule);
});
