import { beforeAll, expect, test, vi } from "vitest";
import { hanging, inWords, lie, rejecting, throwing } from "./point.ts";
import { Setting } from "./setting.ts";
import { brokenOff } from "./way.ts";

let setting: Setting;
beforeAll(async () => {
  setting = await Setting.start();
  vi.spyOn(console, "error").mockImplementation(() => undefined);
});

// A stream asks whether it stands at every second beat of 12 s, and gives the gate 10 s for the answer.
const closedWithinMs = 40_000;

const answers = (...lies: unknown[]): [string, () => Promise<never>][] => [
  ["throws at once", throwing],
  ["throws later", rejecting],
  ["never answers", hanging],
  ...lies.map((said): [string, () => Promise<never>] => [
    `says ${inWords(said)}`,
    () => lie(Promise.resolve(said)),
  ]),
];

test.each(answers(undefined, null, true, "gone", "perhaps", {}))(
  "a stream is closed when its gate %s to whether it stands",
  async (_, stands) => {
    await setting.walk(async (way) => {
      way.parts.stub.stands = stands;
      const { waitedMs } = await way.ask("stream");
      expect(waitedMs).toBeLessThanOrEqual(closedWithinMs);
    });
  },
  30_000,
);

test.each(answers(undefined, null, true, "approved", "refused", "perhaps", {}))(
  "a call that waits for a person is not sent when its gate %s to how the approval stands",
  async (_, approvalState) => {
    await setting.walk(async (way) => {
      way.parts.stub.approvalState = approvalState;
      const { sent, text } = await way.ask("held");
      expect(sent).toEqual([]);
      expect(text === brokenOff || text.includes('"isError":true')).toBe(true);
    });
  },
  30_000,
);
