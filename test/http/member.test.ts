import { randomUUID } from "node:crypto";
import { expect, inject, it } from "vitest";
import * as z from "zod";
import { Rest } from "../../scripts/start/rest.ts";
import { Team } from "./team.ts";

const { url } = inject("gateway");

const invited = z.object({ mail: z.string(), link: z.url() });
const signedUp = z.object({ token: z.string() });
const confirmation = z.object({ mail: z.literal("printed"), link: z.url() });
const joined = z.object({ slug: z.string(), role: z.string() });

it("a developer without a mailer is shown the link; it leads to a page that says how to join, and one joins", async () => {
  const team = await Team.signUp(url);
  const email = `${randomUUID()}@example.com`;
  const invite = { email, role: "policy_manager" };
  const { mail, link } = await team.rest.must(invited, "POST", team.path("members"), invite);
  expect([mail, link.split("#")[0]]).toEqual(["printed", `${url}/invitations`]);
  const page = await fetch(link);
  expect([page.status, page.headers.get("Referrer-Policy")]).toEqual([200, "no-referrer"]);
  expect(await page.text()).toContain('data-post="/v1/invitations/accept"');
  const body = { email, password: randomUUID(), team: "Theirs" };
  const { token } = await new Rest(url).must(signedUp, "POST", "/v1/signup", body);
  const mailed = await new Rest(url, token).must(confirmation, "POST", "/v1/email/confirmation");
  await new Rest(url).must(z.unknown(), "POST", "/v1/email/confirm", { token: mailed.link.split("#")[1] });
  const accept = { token: link.split("#")[1] };
  const membership = await new Rest(url, token).must(joined, "POST", "/v1/invitations/accept", accept);
  expect(membership).toEqual({ slug: team.slug, role: "policy_manager" });
});
