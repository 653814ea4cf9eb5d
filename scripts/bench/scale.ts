import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publish } from "./page.ts";
import { machine } from "./report.ts";
import { measureGrants } from "./scale_grants.ts";
import { measureLog } from "./scale_log.ts";
import { measureTeams, worldOf } from "./scale_teams.ts";

// How the gateway bears size: many grants at once, many teams in D1, a long log. About ten minutes and 5 GB under TMPDIR.
// BENCH_TEAMS, BENCH_ROWS and BENCH_SECONDS make it less.
const teams = Number(process.env["BENCH_TEAMS"] ?? 100_000);
const parts = new Set((process.env["BENCH_PARTS"] ?? "grants,teams,log").split(","));
const page = "scale.md";
const dir = mkdtempSync(join(tmpdir(), "portcullis-scale-"));
const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const described = `${machine()}. \`npm run bench:scale\`.`;

try {
  if (parts.has("grants")) {
    say("Grants …");
    publish("Grants at once", `${described}\n\n${await measureGrants(join(dir, "grants"))}`, page);
  }
  if (parts.has("teams") || parts.has("log")) {
    say(`Filling D1 with ${teams} teams …`);
    const { world, known, fillMs } = await worldOf(join(dir, "world"), parts.has("teams") ? teams : 10);
    say(`… in ${Math.round(fillMs / 1_000)} s`);
    try {
      if (parts.has("teams"))
        publish("Teams", `${described}\n\n${await measureTeams(dir, world, known)}`, page);
      say("The log …");
      if (parts.has("log")) publish("A long log", `${described}\n\n${await measureLog(world, known)}`, page);
    } finally {
      await world.stop();
    }
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
