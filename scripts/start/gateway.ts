import { Child } from "./child.ts";
import { envFile, newSecrets } from "./secrets.ts";
import type { State } from "./state.ts";
import { Trouble } from "./trouble.ts";
import { quiet, root, wrangler, wranglerBin } from "./wrangler.ts";

const database = "portcullis";
const readyMs = 90_000;

/** Brings the local database, new or old, to the newest schema. */
export function migrate(state: State): void {
  const persist = ["--local", "--persist-to", state.path("data")];
  const { code, output } = wrangler(["d1", "migrations", "apply", database, ...persist]);
  if (code !== 0)
    throw new Trouble(`The database in ${state.dir} could not be migrated:\n\n${output.trim()}`);
}

/** Starts the Worker under `wrangler dev` on 127.0.0.1. It is not ready yet when this returns. */
export function startGateway(state: State, port: number, origin: string): Child {
  if (state.read("secrets.env") === null) state.write("secrets.env", envFile(newSecrets()));
  state.write("settings.env", envFile({ PUBLIC_ORIGIN: origin, ALLOW_LOOPBACK_UPSTREAMS: "true" }));
  state.write("gateway.log", "");
  const args = [
    ["dev", "--local", "--ip", "127.0.0.1", "--port", String(port), "--inspector-port", "0"],
    ["--persist-to", state.path("data"), "--show-interactive-dev-session=false", "--log-level", "warn"],
    ["--env-file", state.path("secrets.env"), "--env-file", state.path("settings.env")],
  ];
  const env = {
    ...quiet,
    WRANGLER_LOG_PATH: state.path("wrangler-logs"),
    WRANGLER_REGISTRY_PATH: state.path("registry"),
  };
  return new Child(
    "the gateway",
    [wranglerBin, "--cwd", root, ...args.flat()],
    env,
    state.path("gateway.log"),
  );
}

/** Resolves once `/readyz` answers 200. A gateway that ends first, or takes too long, is a `Trouble` with its last words. */
export async function untilReady(gateway: Child, state: State, origin: string): Promise<void> {
  let ended = false;
  void gateway.ended.then(() => {
    ended = true;
  });
  const giveUp = Date.now() + readyMs;
  let last = "no answer";
  while (!ended && Date.now() < giveUp) {
    last = await probe(`${origin}/readyz`);
    if (last === "200") return;
    await new Promise((done) => setTimeout(done, 150));
  }
  const why = ended ? "ended while it started" : `was not ready after ${readyMs / 1000} s (/readyz: ${last})`;
  throw new Trouble(
    `The gateway ${why}. Its last words, from ${state.path("gateway.log")}:\n\n${lastWords(state)}`,
  );
}

/** The HTTP status at `url`, or "no answer". */
export async function probe(url: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    return String(response.status);
  } catch {
    return "no answer";
  }
}

export const lastWords = (state: State): string => {
  const lines = (state.read("gateway.log") ?? "").trimEnd().split("\n");
  return lines.slice(-20).join("\n") || "(nothing)";
};
