import { beforeAll, expect, test, vi } from "vitest";
import { seeded } from "../gate/limit_world.ts";
import { sizeOf } from "../support/size.ts";
import { gatePoints } from "./gate_points.ts";
import { nameOf, type Point } from "./point.ts";
import { Setting } from "./setting.ts";
import { boundedMs } from "./way.ts";
import { workerPoints } from "./worker_points.ts";

const { runs, seed, within } = sizeOf("FAULT", 40);
const points = [...workerPoints, ...gatePoints];

let setting: Setting;
beforeAll(async () => {
  setting = await Setting.start();
});

/** Two that differ, the one first that needs a call before it breaks. */
function drawn(random: () => number): [Point, Point] {
  const pick = () => points[Math.floor(random() * points.length)];
  for (;;) {
    const [one, other] = [pick(), pick()];
    if (one && other && one.at !== other.at) return other.late ? [other, one] : [one, other];
  }
}

test(
  `${runs} pairs of dependencies that break together: nothing is sent`,
  async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const random = seeded(seed);
    console.log(`FAULT_SEED=${seed}`);
    for (let i = 0; i < runs; i++) {
      const pair = drawn(random);
      await setting.walk(async (way) => {
        for (const point of pair) await point.breaks(way);
        for (const on of new Set(pair.map((point) => point.on))) {
          const came = await way.ask(on);
          const names = pair.map(nameOf).join(" + ");
          expect(came.sent, names).toEqual([]);
          expect(came.waitedMs, names).toBeLessThanOrEqual(boundedMs);
        }
      });
    }
  },
  within(60_000),
);
