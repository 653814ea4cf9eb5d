import { expect } from "vitest";
import type { SeenTool } from "../../src/upstream/enrol.ts";
import { type Answered, type ControlPlane, type Person, ready, seenTool } from "./control_plane.ts";

export const openPolicy = { version: "1", default: "allow" };
export const closedPolicy = { version: "1", default: "deny" };

/** A signed-up team, and the requests that tests make below its path. */
export class TeamSetting {
  readonly plane: ControlPlane;
  readonly person: Person;

  private constructor(plane: ControlPlane, person: Person) {
    this.plane = plane;
    this.person = person;
  }

  static async on(plane: ControlPlane, name = "Acme"): Promise<TeamSetting> {
    return new TeamSetting(plane, await plane.signUp(name));
  }

  /** The same team, seen through another person's token. */
  as(person: Pick<Person, "token">): TeamSetting {
    return new TeamSetting(this.plane, { ...this.person, token: person.token });
  }

  /** Somebody whom the team has invited, and who has joined. */
  async member(role = "viewer", additions: object = {}): Promise<Person> {
    const person = await this.plane.signUp("Elsewhere");
    await this.must(201, "POST", "/members", { email: person.email, role, ...additions });
    const body = { token: this.plane.invitationTo(person.email) };
    const joined = await this.plane.ask("POST", "/v1/invitations/accept", { token: person.token, body });
    expect(joined.status, joined.text).toBe(200);
    return person;
  }

  /** The same team, on a control plane that something was changed of. */
  through(plane: ControlPlane): TeamSetting {
    return new TeamSetting(plane, this.person);
  }

  ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answered> {
    const { slug } = this.person.team;
    const asked = body === undefined ? {} : { body };
    return this.plane.ask(method, `/v1/teams/${slug}${path}`, {
      token: this.person.token,
      headers,
      ...asked,
    });
  }

  async must(status: number, method: string, path: string, body?: unknown) {
    const answer = await this.ask(method, path, body);
    expect(answer.status, answer.text).toBe(status);
    return answer.body;
  }

  /** Registers a server whose look shows these tools. */
  async server(name = "Tools", tools: readonly SeenTool[] = [seenTool("read_a")]) {
    const url = `https://${crypto.randomUUID()}.example/mcp`;
    this.plane.upstreams.set(url, ready(...tools));
    return this.must(201, "POST", "/servers", { name, url, auth: { type: "none" } });
  }

  policy(server: string, name: string, document: unknown = openPolicy) {
    return this.must(201, "POST", `/servers/${server}/policies`, { name, document });
  }

  grant(server: string, policy: string | null, more: object = {}) {
    return this.must(201, "POST", "/grants", { label: "agent", servers: [{ server, policy }], ...more });
  }
}
