import { parseArgs } from "node:util";
import { scratch, startPortcullis } from "../http/harness.ts";
import { examine, lost } from "./examine.ts";
import { isPassed, results, write } from "./page.ts";

/** Examines a gateway of its own; prints the results, or puts them into the page. Fails where the gateway costs a check. */
async function main(): Promise<boolean> {
  const { values } = parseArgs({ options: { write: { type: "boolean", default: false } } });
  const { dir, drop } = scratch();
  const started = startPortcullis(dir, "--no-demo");
  try {
    const compared = await examine((await started.ready()).url);
    if (values.write) write(compared);
    const { stand, ought } = results(compared);
    console.log(ought);
    if (stand !== ought) console.log("docs/conformance.md says otherwise: npm run conformance -- --write");
    const gone = compared.flatMap(lost);
    for (const check of gone) console.log(`lost through the gateway: ${check}`);
    const required = compared.filter(({ direct }) => direct.required);
    return gone.length === 0 && stand === ought && required.every(({ through }) => isPassed(through));
  } finally {
    await started.stop();
    drop();
  }
}

process.exitCode = (await main()) ? 0 : 1;
