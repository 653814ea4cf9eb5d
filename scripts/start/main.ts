import { join } from "node:path";
import * as z from "zod";
import { claimState, markRunning } from "./alone.ts";
import { buildAssets } from "./assets.ts";
import { Child } from "./child.ts";
import { Demo } from "./demo.ts";
import { lastWords, migrate, startGateway, untilReady } from "./gateway.ts";
import { type Options, readOptions } from "./options.ts";
import { claimPort, freePort } from "./ports.ts";
import { jsonLine, page } from "./present.ts";
import { State } from "./state.ts";
import { Trouble } from "./trouble.ts";

const ports = z.object({ gateway: z.int(), demo: z.int().optional() });
const demoScript = join(import.meta.dirname, "../../test/support/cmux.ts");

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** The children, in the order in which they started. */
const children: Child[] = [];
let stopping = false;

async function stop(code: number): Promise<never> {
  stopping = true;
  await Promise.all(children.map((child) => child.stop()));
  process.exit(code);
}

/** A child that ends by itself takes everything down: half a gateway would only puzzle its callers. */
function watch(child: Child, state: State): void {
  void child.ended.then((how) => {
    if (stopping) return;
    say(
      `\n${child.name} ended by itself (${how}), so everything stops. Its last words:\n\n${lastWords(state)}`,
    );
    void stop(1);
  });
}

async function start(options: Options): Promise<void> {
  const state = new State(options.state);
  await claimState(state);
  const before = state.readJson("ports.json", ports);
  const port = options.port === 0 ? await freePort(before?.gateway) : await claimPort(options.port);
  const beside = options.port === 0 ? undefined : options.port + 1;
  const demoPort = options.demo ? await freePort(before?.demo ?? beside) : before?.demo;
  state.writeJson("ports.json", { gateway: port, demo: demoPort });

  const origin = `http://127.0.0.1:${port}`;
  say("Building and migrating …");
  buildAssets();
  migrate(state);
  say("Warning: servers on 127.0.0.1 and localhost may be registered here. A deployed gateway refuses them.");
  const gateway = startGateway(state, port, origin);
  children.push(gateway);
  await untilReady(gateway, state, origin);
  watch(gateway, state);
  markRunning(state, origin);

  const demo = new Demo(state, origin);
  const team = await demo.team();
  const reached = options.demo && demoPort !== undefined ? await startDemo(demoPort, state) : null;
  const reach = reached === null ? null : await demo.gateway(team, reached);
  if (reach?.renewed)
    say("The demo's token was renewed, because the gateway does not take the old one at this address.");
  const running = { url: origin, team, gateway: reach };
  process.stdout.write(`${options.json ? jsonLine(running) : page(running)}\n`);
}

async function startDemo(port: number, state: State): Promise<string> {
  const child = new Child(
    "the demo server",
    [demoScript, "--port", String(port)],
    {},
    state.path("demo.log"),
  );
  watch(child, state);
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 100 && !stopping; tries++) {
    const up = await fetch(`${url}/seen`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (up) return `${url}/mcp`;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Trouble(`The demo server did not start on port ${port}; see ${state.path("demo.log")}.`);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (!stopping) void stop(0);
  });
}
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent && !stopping) void stop(0);
}, 1_000).unref();

try {
  await start(readOptions(process.argv.slice(2)));
} catch (error) {
  if (!stopping) {
    say(
      error instanceof Trouble
        ? `\n${error.message}`
        : `\nUnexpected, please report it: ${error instanceof Error ? error.stack : error}`,
    );
    await stop(1);
  }
}
