import * as z from "zod";
import { probe } from "./ready.ts";
import type { State } from "./state.ts";
import { Trouble } from "./trouble.ts";

const fileName = "running.json";
const running = z.object({ pid: z.int(), url: z.string() });

/** Two gateways on one set of databases would damage them. A process id may have been reused, so the address must answer too. */
export async function claimState(state: State): Promise<void> {
  const other = state.readJson(fileName, running);
  if (!other || !lives(other.pid) || (await probe(`${other.url}/healthz`)) === "no answer") return;
  throw new Trouble(
    `${state.dir} is in use by a gateway at ${other.url} (process ${other.pid}). Stop that one, or use another folder: npm start -- --state DIR`,
  );
}

export const markRunning = (state: State, url: string): void =>
  state.writeJson(fileName, { pid: process.pid, url });

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
