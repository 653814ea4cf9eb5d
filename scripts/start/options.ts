import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { Trouble } from "./trouble.ts";

export interface Options {
  /** 0 = any free port, the one of last time where it is still free. */
  readonly port: number;
  /** What the gateway calls itself. Browsers make no passkeys for an IP address (WebAuthn L3 §5.1.2), so `localhost` is for those. */
  readonly host: "127.0.0.1" | "localhost";
  /** Absolute: where databases, keys and the demo's sign-in live. */
  readonly state: string;
  readonly json: boolean;
  readonly demo: boolean;
}

const usage = "Usage: npm start -- [--port N] [--host localhost] [--state DIR] [--json] [--no-demo]";

/** Reads the command line; a mistake in it is a `Trouble` that names the right usage. */
export function readOptions(args: readonly string[]): Options {
  const values = parse(args);
  const port = Number(values.port);
  if (!/^\d{1,5}$/.test(values.port) || port > 65_535) {
    throw new Trouble(`--port takes a number from 0 to 65535, not "${values.port}".`);
  }
  if (values.host !== "127.0.0.1" && values.host !== "localhost") {
    throw new Trouble(`--host takes 127.0.0.1 or localhost, not "${values.host}".`);
  }
  return {
    port,
    host: values.host,
    state: resolve(values.state),
    json: values.json,
    demo: !values["no-demo"],
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: "string", default: "8787" },
        host: { type: "string", default: "127.0.0.1" },
        state: { type: "string", default: ".portcullis" },
        json: { type: "boolean", default: false },
        "no-demo": { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new Trouble(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}
