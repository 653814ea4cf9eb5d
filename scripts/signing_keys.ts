import { parseArgs } from "node:util";
import * as z from "zod";
import { envFile, newSigningKey } from "./start/secrets.ts";
import { State } from "./start/state.ts";

const usage = `node scripts/signing_keys.ts add|use|drop|replace [--state .portcullis]

  add      appends a new key: it is published, and signs nothing yet
  use      lets the last key sign from now on; the others still verify
  drop     takes the last key away: what it signed is refused
  replace  puts one new key in the place of all: everything that was signed is refused

Reads SIGNING_KEYS from the standard input and writes the next ones to the standard output; with --state it changes the
secrets of an installation on this machine, which must be started again.`;

type Keys = readonly unknown[];
const words: Readonly<Record<string, (keys: Keys) => Keys>> = {
  add: (keys) => [...keys, newSigningKey()],
  use: (keys) => [...keys.slice(-1), ...keys.slice(0, -1)],
  drop: (keys) => keys.slice(0, -1),
  replace: () => [newSigningKey()],
};

const keysIn = (text: string): Keys =>
  z
    .array(z.object({ kid: z.string() }).loose())
    .min(1)
    .parse(JSON.parse(text));

/** The settings of a file in the form that `envFile` writes. */
const settingsIn = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/^(\w+)='(.*)'$/gm)].map(([, name = "", value = ""]) => [name, value]),
  );

async function standardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

try {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { state: { type: "string" } },
  });
  const change = words[positionals.join(" ")];
  if (!change) throw new Error(usage);
  const state = values.state === undefined ? null : new State(values.state);
  const settings = settingsIn(state?.read("secrets.env") ?? "");
  const keys = change(keysIn(state ? (settings["SIGNING_KEYS"] ?? "") : await standardInput()));
  if (keys.length === 0) throw new Error("This is the only key. Use `replace` to have another in its place.");
  const text = JSON.stringify(keys);
  if (state) state.write("secrets.env", envFile({ ...settings, SIGNING_KEYS: text }));
  else console.log(text);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
