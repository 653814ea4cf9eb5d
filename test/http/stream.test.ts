import { afterAll, beforeAll, expect, it } from "vitest";
import { Streams } from "../stream/run.ts";
import { scripts } from "../stream/scripts.ts";

// The choices of a run are repeated with the STREAM_SEED that it prints.
const seed = Number(process.env["STREAM_SEED"] ?? Date.now() % 1_000_000_000);

let streams: Streams;
beforeAll(async () => {
  streams = await Streams.start(scripts);
});
afterAll(() => streams.stop());

it(`${scripts.length} ways in which a server goes wrong: each ends in time, with one end in the record and an answer that can be read`, async () => {
  console.log(`STREAM_SEED=${seed}`);
  expect(await streams.play(seed)).toEqual([]);
});
