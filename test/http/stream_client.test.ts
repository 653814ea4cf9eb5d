import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decisionParts } from "../../src/id.ts";
import { keyOf, Record } from "../crash/record.ts";
import type { Came } from "../stream/reading.ts";
import { haste, type Opened, Streams, whole } from "../stream/run.ts";
import { whole as answer, json, mebibyte, progress, type Stage, sse } from "../stream/scripts.ts";
import { until } from "./harness.ts";

const together = 200;
const beatMs = 12_000 / haste;
// The machine may be busy with other things; a stream that is let go only by its deadline ends after 2.4 s.
const busyMs = 1_000;
let open = 0;

const flowing = async ({ wire }: Stage) => {
  await wire.begin(sse);
  while (wire.open) {
    await wire.chunk(progress);
    await sleep(20);
  }
};
const silent = async ({ wire }: Stage) => {
  await wire.begin(sse);
  await wire.chunk(progress);
};
const mute = () => undefined;
const halfway = async ({ wire }: Stage) => {
  await wire.begin(json);
  await wire.chunk('{"jsonrpc":"2.0",');
};
const large = async ({ wire, heard }: Stage) => {
  await wire.begin(sse);
  for (let sent = 0; sent < 15.5 * mebibyte && wire.open; sent += 16_384)
    await wire.chunk(`data: ${"x".repeat(16_376)}\n\n`);
  await wire.chunk(answer(heard.id));
  await wire.end();
};
/** Ends once all are open at the same time. */
const gathered = async ({ wire, heard }: Stage) => {
  await wire.begin(sse);
  await wire.chunk(progress);
  for (open++; open < together && wire.open; await sleep(300)) await wire.chunk(progress);
  await wire.chunk(answer(heard.id));
  await wire.end();
};
const plays = [flowing, silent, mute, halfway, large, gathered];
const indexOf = (play: (typeof plays)[number]): number => plays.indexOf(play);

let streams: Streams;
let listened: Promise<{ came: Came; tookMs: number }>;
beforeAll(async () => {
  streams = await Streams.start(plays.map((play) => ({ play })));
  // It takes its time, and the others need not wait for it.
  listened = listen();
});
afterAll(() => streams.stop());

async function goneAfter({ leave, wire }: Opened): Promise<number> {
  const leftMs = Date.now();
  leave();
  await wire()?.closed;
  return Date.now() - leftMs;
}

async function begun(play: (typeof plays)[number], by: number): Promise<Opened> {
  const opened = await streams.open(indexOf(play), by);
  (await opened.answer).once("data", () => undefined);
  await until(async () => opened.wire() !== undefined);
  return opened;
}

async function endOf(opened: Opened): Promise<string | undefined> {
  const place = decisionParts(String((await opened.answer).headers["portcullis-decision"]));
  const record = new Record();
  await until(async () => {
    await record.read(streams.gateway, streams.team.grants);
    return place !== null && record.outcomes.has(keyOf(place));
  });
  return place ? record.outcomes.get(keyOf(place))?.end : undefined;
}

/** How often the record says that a client has left. */
async function timesGone(): Promise<number> {
  const record = new Record();
  await record.read(streams.gateway, streams.team.grants);
  return [...record.outcomes.values()].filter(({ end }) => end === "client_gone").length;
}

describe("when its client leaves, the upstream is let go", () => {
  it.each([0, 1])("within a second where the stream flows (grant %d)", async (by) => {
    const opened = await begun(flowing, by);
    expect(await goneAfter(opened)).toBeLessThan(1_000);
    expect(await endOf(opened)).toBe("client_gone");
  });

  it.each([0, 1])("within two heart-beats where the stream is silent (grant %d)", async (by) => {
    const opened = await begun(silent, by);
    await sleep(3 * beatMs);
    expect(await goneAfter(opened)).toBeLessThan(2 * beatMs + busyMs);
    expect(await endOf(opened)).toBe("client_gone");
  });

  it.each([
    ["has not begun to answer", mute],
    ["is in the middle of a body", halfway],
  ])("within a second where it breaks the connection while the server %s", async (_, play) => {
    const before = await timesGone();
    const opened = await streams.open(indexOf(play), 0);
    await until(async () => opened.wire() !== undefined);
    await sleep(100);
    expect(await goneAfter({ ...opened, leave: opened.reset })).toBeLessThan(800);
    await until(async () => (await timesGone()) === before + 1);
  });
});

const residentMiB = (): number => {
  const status = readFileSync(`/proc/${streams.gateway.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024;
};

describe("backpressure", () => {
  it("keeps the gateway's memory within 32 MiB while a slow client takes 16 MiB", async () => {
    // What the engine takes for itself when streams first pass.
    for (const by of [0, 1]) await whole((await streams.open(indexOf(large), by)).answer);
    const beforeMiB = residentMiB();
    const slow = await (await streams.open(indexOf(large), 0)).answer;
    let bytes = 0;
    let mostMiB = 0;
    for await (const chunk of slow) {
      bytes += (chunk as Buffer).length;
      mostMiB = Math.max(mostMiB, residentMiB());
      await sleep(10);
    }
    console.log(`memory: ${beforeMiB.toFixed(0)} MiB, at most ${mostMiB.toFixed(0)} MiB`);
    expect(bytes).toBeGreaterThan(15.5 * mebibyte);
    expect(mostMiB - beforeMiB).toBeLessThan(32);
  });
});

it(`${together} streams at once: each gets its events as they come, and its answer`, async () => {
  const opened: Opened[] = [];
  const came: Promise<Came>[] = [];
  // A few at a time: a first byte is due within a second here.
  for (let by = 0; by < together; by++) {
    const one = await streams.open(indexOf(gathered), by);
    opened.push(one);
    came.push(whole(one.answer));
    if (by % 10 === 9) await Promise.all(opened.slice(-10).map(({ answer: begun }) => begun));
  }
  const wrong = (await Promise.all(came)).filter(({ text }, i) => {
    const sent = Buffer.concat(opened[i]?.wire()?.body ?? []).toString("utf8");
    const passed = text.replaceAll(":\n\n", "");
    return passed !== sent || !passed.endsWith(answer("1"));
  });
  expect(wrong.map(({ status, text }) => [status, text.slice(-300)])).toEqual([]);
  expect(open).toBe(together);
});

async function listen(): Promise<{ came: Came; tookMs: number }> {
  const startMs = Date.now();
  const came = await whole((await streams.open(indexOf(silent), 0, "GET")).answer);
  return { came, tookMs: Date.now() - startMs };
}

it("a stream that listens is kept alive through silence, and ends as it should after ten minutes", async () => {
  const { came, tookMs } = await listened;
  expect(came.complete).toBe(true);
  expect(came.text.replaceAll(":\n\n", "")).toBe(progress);
  expect(came.text.split(":\n\n").length).toBeGreaterThan(40);
  expect(tookMs).toBeGreaterThan((0.95 * 600_000) / haste);
});
