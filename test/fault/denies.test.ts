import { beforeAll, expect, test, vi } from "vitest";
import { gatePoints } from "./gate_points.ts";
import { nameOf, type Point } from "./point.ts";
import { Setting } from "./setting.ts";
import { boundedMs, type Came, type Way } from "./way.ts";
import { workerPoints } from "./worker_points.ts";

let setting: Setting;
beforeAll(async () => {
  setting = await Setting.start();
});

const points = [...workerPoints, ...gatePoints];

/** A refusal that a client can read: JSON-RPC that says why, or the Worker's own word. */
function readable({ status, text }: Came): boolean {
  if (status < 200 || (status >= 300 && status < 400)) return false;
  const answer = JSON.parse(text);
  return typeof answer.error?.message === "string" || answer.result?.isError === true || "detail" in answer;
}

test(`${points.length} points at which one dependency throws, hangs or lies`, () => {
  expect(new Set(points.map(nameOf)).size).toBe(points.length);
  expect(points.length).toBeGreaterThanOrEqual(60);
});

test.each(["call", "list"] as const)("where nothing is broken, a %s goes through", async (asked) => {
  await setting.walk(async (way) => {
    expect(await way.askPatiently(asked)).toMatchObject({ status: 200, sent: [expect.any(String)] });
  });
});

test.each(points.map((point): [string, Point] => [nameOf(point), point]))(
  "%s: nothing is sent, and the client reads why",
  async (_, point) => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    await setting.walk(async (way: Way) => {
      await point.breaks(way);
      const came = await way.ask(point.on);
      expect(came.sent).toEqual([]);
      expect(readable(came), came.text).toBe(true);
      expect(came.waitedMs).toBeLessThanOrEqual(boundedMs);
    });
  },
  30_000,
);
