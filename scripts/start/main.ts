import { join } from "node:path";
import * as z from "zod";
import { claimState, markRunning } from "./alone.ts";
import { buildAssets } from "./assets.ts";
import { Child } from "./child.ts";
import { runCron } from "./cron.ts";
import { Demo } from "./demo.ts";
import { migrate, startGateway } from "./gateway.ts";
import { type Options, readOptions } from "./options.ts";
import { claimPort, freePort } from "./ports.ts";
import { jsonLine, page } from "./present.ts";
import { untilReady } from "./ready.ts";
import { State } from "./state.ts";
import { reportOf } from "./trouble.ts";

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
function watch(child: Child): void {
  void child.ended.then((how) => {
    if (stopping) return;
    say(
      `\n${child.name} ended by itself (${how}), so everything stops. Its last words:\n\n${child.lastWords()}`,
    );
    void stop(1);
  });
}

async function start(options: Options): Promise<void> {
  const state = new State(options.state);
  await claimState(state);
  const chosen = await choosePorts(options, state);
  const url = `http://${options.host}:${chosen.gateway}`;
  await runGateway(state, chosen.gateway, url);
  const demo = new Demo(state, url);
  const team = await demo.team();
  const gateway = chosen.demo === null ? null : await demo.gateway(team, await runDemo(chosen.demo, state));
  if (gateway?.renewed) say("The demo's token was renewed: the old one is not taken at this address.");
  const running = { url, team, gateway };
  process.stdout.write(`${options.json ? jsonLine(running) : page(running)}\n`);
}

/** The ports of last time where the options leave a choice, so that addresses and tokens stay good. */
async function choosePorts(
  options: Options,
  state: State,
): Promise<{ gateway: number; demo: number | null }> {
  const before = state.readJson("ports.json", ports);
  const gateway = options.port === 0 ? await freePort(before?.gateway) : await claimPort(options.port);
  const beside = options.port === 0 ? undefined : options.port + 1;
  const demo = options.demo ? await freePort(before?.demo ?? beside) : null;
  state.writeJson("ports.json", { gateway, demo: demo ?? before?.demo });
  return { gateway, demo };
}

async function runGateway(state: State, port: number, url: string): Promise<void> {
  say("Building and migrating …");
  buildAssets();
  migrate(state);
  say("Warning: servers on 127.0.0.1 and localhost may be registered here. A deployed gateway refuses them.");
  const gateway = startGateway(state, port, url);
  children.push(gateway);
  await untilReady(gateway, `${url}/readyz`);
  watch(gateway);
  runCron(url);
  markRunning(state, url);
}

/** Returns the demo server's MCP endpoint. */
async function runDemo(port: number, state: State): Promise<string> {
  const demo = new Child("The demo server", [demoScript, "--port", String(port)], {}, state.path("demo.log"));
  children.push(demo);
  await untilReady(demo, `http://127.0.0.1:${port}/seen`);
  watch(demo);
  return `http://127.0.0.1:${port}/mcp`;
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
    say(`\n${reportOf(error)}`);
    await stop(1);
  }
}
