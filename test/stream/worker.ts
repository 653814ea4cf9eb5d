import { env } from "cloudflare:workers";

export * from "../crash/worker.ts";
export { default } from "../crash/worker.ts";

// A host on which a stream's deadlines and heart-beats pass that many times as fast. What the gateway gives its own parts
// stays as it is: they must answer in it on a busy machine, too.
const haste = Number((env as unknown as { HASTE: string }).HASTE);
const shortestMs = 12_000;
const hurried = (ms = 0): number => (ms < shortestMs ? ms : ms / haste);
const { setTimeout: after, setInterval: every } = globalThis;
globalThis.setTimeout = ((work: () => void, ms?: number) => after(work, hurried(ms))) as typeof setTimeout;
globalThis.setInterval = ((work: () => void, ms?: number) => every(work, hurried(ms))) as typeof setInterval;
