import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { Trouble } from "./trouble.ts";

export interface Options {
  /** 0 = any free port, the one of last time where it is still free. */
  readonly port: number;
  /** Absolute: where databases, keys and the demo's sign-in live. */
  readonly state: string;
  readonly json: boolean;
  readonly demo: boolean;
}

const usage = "Usage: npm start -- [--port N] [--state DIR] [--json] [--no-demo]";

/** Reads the command line; a mistake in it is a `Trouble` that names the right usage. */
export function readOptions(args: readonly string[]): Options {
  const values = parse(args);
  const port = Number(values.port);
  if (!/^\d{1,5}$/.test(values.port) || port > 65_535) {
    throw new Trouble(`--port takes a number from 0 to 65535, not "${values.port}".`);
  }
  return { port, state: resolve(values.state), json: values.json, demo: !values["no-demo"] };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: "string", default: "8787" },
        state: { type: "string", default: ".portcullis" },
        json: { type: "boolean", default: false },
        "no-demo": { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new Trouble(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}
