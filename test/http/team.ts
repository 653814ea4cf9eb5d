import { randomUUID } from "node:crypto";
import * as z from "zod";
import { Rest } from "../../scripts/start/rest.ts";

const signedUp = z.object({ token: z.string(), team: z.object({ slug: z.string() }) });
const registered = z.object({
  id: z.string(),
  slug: z.string(),
  gateway_url: z.string(),
  key_url: z.string(),
  tools: z.array(z.object({ name: z.string() })),
});
const saved = z.object({ id: z.string(), revision: z.int() });
const inForce = z.object({
  revision: z.int(),
  in_force: z.object({ acknowledged: z.int(), pending: z.int() }),
});
const granted = z.object({ id: z.string(), token: z.string() });

export type Server = z.infer<typeof registered>;
export type Grant = z.infer<typeof granted>;

/** A fresh team and its admin, as the REST API gives them. */
export class Team {
  readonly slug: string;
  readonly rest: Rest;

  private constructor(slug: string, rest: Rest) {
    this.slug = slug;
    this.rest = rest;
  }

  static async signUp(origin: string): Promise<Team> {
    const email = `${randomUUID()}@example.com`;
    const body = { email, password: randomUUID(), team: "Testers" };
    const { token, team } = await new Rest(origin).must(signedUp, "POST", "/v1/signup", body);
    return new Team(team.slug, new Rest(origin, token));
  }

  path(rest: string): string {
    return `/v1/teams/${this.slug}/${rest}`;
  }

  register(name: string, url: string): Promise<Server> {
    return this.rest.must(registered, "POST", this.path("servers"), { name, url, auth: { type: "none" } });
  }

  savePolicy(server: Server, name: string, document: unknown): Promise<z.infer<typeof saved>> {
    return this.rest.must(saved, "POST", this.path(`servers/${server.slug}/policies`), { name, document });
  }

  editPolicy(server: Server, policy: string, document: unknown): Promise<z.infer<typeof inForce>> {
    const path = this.path(`servers/${server.slug}/policies/${policy}`);
    return this.rest.must(inForce, "PUT", path, { document });
  }

  grant(server: Server, policy: string | null): Promise<Grant> {
    const body = { label: `agent ${randomUUID()}`, servers: [{ server: server.slug, policy }] };
    return this.rest.must(granted, "POST", this.path("grants"), body);
  }

  async revoke(grant: Grant): Promise<void> {
    await this.rest.must(z.unknown(), "DELETE", this.path(`grants/${grant.id}`));
  }
}
