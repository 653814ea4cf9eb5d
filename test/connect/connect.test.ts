import { beforeAll, describe, expect, it } from "vitest";
import type { AuthorizationServer } from "../support/authorization_server.ts";
import type { ProtectedServer } from "../support/protected_server.ts";
import { origin, Person, World } from "./world.ts";

let world: World;
let admin: Person;
let server: ProtectedServer;
let gives: AuthorizationServer;
beforeAll(async () => {
  world = await World.start();
  admin = await Person.signUp();
});

let made = 0;
/** A server that wants accounts, registered, with an authorization server of its own. */
async function register(auth: object = {}): Promise<string> {
  ({ server, gives } = world.upstream());
  const body = { name: `Tools ${++made}`, url: server.url, auth: { type: "oauth", ...auth } };
  return (await admin.must(201, "POST", "/servers", body)).slug;
}

describe("the team's account", () => {
  it("is connected in a browser, and from then on the server's tools are pinned and its calls signed in", async () => {
    const slug = await register();
    const before = await admin.must(200, "GET", `/servers/${slug}`);
    expect(before).toMatchObject({
      state: "pending",
      why: "needs_sign_in",
      auth: { type: "oauth", connection: null },
    });
    expect(await admin.connect(slug)).toBe(`200 ${origin}/connections/connected`);
    const after = await admin.must(200, "GET", `/servers/${slug}`);
    expect(after).toMatchObject({
      state: "ok",
      why: null,
      auth: {
        connection: {
          per: "team",
          state: "connected",
          issuer: gives.issuer,
          scope: "read",
          connected_by: admin.id,
        },
      },
    });
    expect(await (await admin.agent(slug)).whoami()).toBe("ada");
  });
});
