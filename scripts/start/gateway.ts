import { Child } from "./child.ts";
import { envFile, newSecrets } from "./secrets.ts";
import type { State } from "./state.ts";
import { Trouble } from "./trouble.ts";
import { quiet, root, wrangler, wranglerBin } from "./wrangler.ts";

const database = "portcullis";

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
    "The gateway",
    [wranglerBin, "--cwd", root, ...args.flat()],
    env,
    state.path("gateway.log"),
  );
}
