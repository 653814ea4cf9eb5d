import { Team } from "../http/team.ts";
import { startExam } from "../support/exam.ts";
import { startInjector } from "./injector.ts";
import { openPolicy } from "./policy.ts";
import { type Revision, revisions, runSuite, type Scenario } from "./suite.ts";

/** One scenario at one revision, before the server itself and before the gateway in front of it. */
export interface Compared {
  readonly revision: Revision;
  readonly direct: Scenario;
  readonly through: Scenario;
}

/** Runs the suite for each revision against the exam server, directly and through the gateway at `origin`. */
export async function examine(origin: string): Promise<readonly Compared[]> {
  const exam = await startExam();
  try {
    const team = await Team.signUp(origin);
    const server = await team.register("exam", exam.url);
    await team.savePolicy(server, "open", openPolicy);
    const { token } = await team.grant(server, "open");
    const injector = await startInjector(server.key_url, token);
    try {
      return await compareAll(exam.url, injector.url);
    } finally {
      await injector.stop();
    }
  } finally {
    await exam.stop();
  }
}

async function compareAll(directUrl: string, throughUrl: string): Promise<readonly Compared[]> {
  const compared: Compared[] = [];
  for (const revision of revisions) {
    const direct = await runSuite(directUrl, revision);
    const through = await runSuite(throughUrl, revision);
    for (const [index, scenario] of direct.entries()) {
      const same = through[index];
      if (same?.name !== scenario.name) throw new Error(`${scenario.name} was not run through the gateway`);
      compared.push({ revision, direct: scenario, through: same });
    }
  }
  return compared;
}

/** The checks that pass before the server and do not before the gateway, with what the suite says of them. */
export function lost({ revision, direct, through }: Compared): string[] {
  const left = passedOf(through).map(({ name }) => name);
  return passedOf(direct).flatMap(({ name }) => {
    const at = left.indexOf(name);
    if (at >= 0) {
      left.splice(at, 1);
      return [];
    }
    const because = through.checks.find((check) => check.name === name && !check.passed)?.because;
    return [`${revision} ${direct.name}: ${name}: ${because ?? "not run"}`];
  });
}

export const passedOf = ({ checks }: Scenario) => checks.filter(({ passed }) => passed);
export const failedOf = ({ checks }: Scenario) => checks.filter(({ passed }) => !passed);
