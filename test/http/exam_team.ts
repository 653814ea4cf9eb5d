import { inject } from "vitest";
import { type Exam, startExam } from "../support/exam.ts";
import { type Server, Team } from "./team.ts";

/** The server of both eras, registered with a team of its own that has these policies for it, by name. */
export async function examTeam(
  policies: Readonly<Record<string, object>>,
): Promise<{ exam: Exam; team: Team; server: Server }> {
  const exam = await startExam();
  const team = await Team.signUp(inject("gateway").url);
  const server = await team.register("exam", exam.url);
  for (const [name, document] of Object.entries(policies)) await team.savePolicy(server, name, document);
  return { exam, team, server };
}
