import { beforeAll, describe, expect, it } from "vitest";
import { ControlPlane, type Person } from "./control_plane.ts";

let plane: ControlPlane;
beforeAll(async () => {
  plane = await ControlPlane.start();
});

const next = "another horse battery";
const login = ({ email }: { email: string }, password: string, headers: Record<string, string> = {}) =>
  plane.ask("POST", "/v1/login", { body: { email, password }, headers });
const me = async (token: string) => (await plane.ask("GET", "/v1/me", { token })).status;

describe("changing the password", () => {
  const change = (person: Person, body: object) =>
    plane.ask("POST", "/v1/password", { token: person.token, body });

  it("takes the old one, and ends every other session", async () => {
    const person = await plane.signUp();
    const other = (await login(person, person.password)).body.token;
    const wrong = await change(person, { password: "not this one", new_password: next });
    expect([wrong.status, wrong.body.errors[0].pointer]).toEqual([403, "/password"]);
    expect(await me(other)).toBe(200);
    expect((await change(person, { password: person.password, new_password: next })).status).toBe(204);
    expect([await me(person.token), await me(other)]).toEqual([200, 401]);
    expect((await login(person, person.password)).status).toBe(401);
    expect((await login(person, next)).status).toBe(200);
    expect(plane.mails.findLast(({ to }) => to === person.email)?.subject).toBe("Your password was changed");
  });

  it("tells what a password must be", async () => {
    const person = await plane.signUp();
    const refused = await change(person, { password: person.password, new_password: "short" });
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, "/new_password"]);
  });
});

describe("a forgotten password", () => {
  const forget = (email: string) => plane.ask("POST", "/v1/password/forgotten", { body: { email } });
  const reset = (token: string, at = plane) =>
    at.ask("POST", "/v1/password/reset", { body: { token, password: next } });
  async function linkFor({ email }: Person): Promise<string> {
    expect((await forget(email)).status).toBe(202);
    return plane.linkTo(email, "reset-password");
  }

  it("is answered alike whether somebody has the address or not, also when it is too much", async () => {
    const person = await plane.signUp();
    const answers = [];
    for (const email of [person.email, "nobody-at-all@example.com"]) {
      const all = [];
      for (let i = 0; i < 4; i++) all.push(await forget(email));
      answers.push(
        all.map(({ status, text, headers }) => [
          status,
          text.replaceAll(/req_\w+|\d{3,}/g, "…"),
          [...headers.keys()].toSorted(),
        ]),
      );
    }
    expect(answers[0]?.map(([status]) => status)).toEqual([202, 202, 202, 429]);
    expect(answers[1]).toEqual(answers[0]);
    expect(plane.mails.filter(({ to }) => to === "nobody-at-all@example.com")).toEqual([]);
  });

  it("is replaced by the mailed link, once; every session and token for scripts ends", async () => {
    const person = await plane.signUp();
    const other = (await login(person, person.password)).body.token;
    const script = await plane.ask("POST", "/v1/tokens", {
      token: person.token,
      body: { label: "x", team: person.team.id, role: "viewer" },
    });
    const link = await linkFor(person);
    const answers = await Promise.all([reset(link), reset(link), reset(link)]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 404, 404]);
    expect([await me(person.token), await me(other), await me(script.body.token)]).toEqual([401, 401, 401]);
    expect([(await login(person, person.password)).status, (await login(person, next)).status]).toEqual([
      401, 200,
    ]);
    const told = plane.mails.findLast(({ to }) => to === person.email);
    expect(told?.text).toContain("All sign-ins and all tokens for scripts have ended.");
  });

  it("lets its owner in although somebody guesses at the account all the time", async () => {
    const person = await plane.signUp();
    const from = (address: string) => ({ "CF-Connecting-IP": address });
    const throttle = plane.deps.throttle(`account ${person.email}`);
    for (let i = 0; i < 10; i++)
      await throttle.take("password", { burst: 10, everyMs: 300_000 }, "203.0.113.1");
    expect((await login(person, person.password, from("198.51.100.4"))).status).toBe(429);
    const token = await linkFor(person);
    await plane.ask("POST", "/v1/password/reset", {
      body: { token, password: next },
      headers: from("198.51.100.4"),
    });
    expect((await login(person, next, from("198.51.100.4"))).status).toBe(200);
    expect((await login(person, next, from("198.51.100.5"))).status).toBe(429);
  });

  it("takes an account back from whoever signed up with somebody else's address", async () => {
    const email = `${crypto.randomUUID()}@example.com`;
    const squatter = await plane.ask("POST", "/v1/signup", {
      body: { email, password: "the squatter's own", team: "Squat" },
    });
    await forget(email);
    await reset(plane.linkTo(email, "reset-password"));
    expect(await me(squatter.body.token)).toBe(401);
    const { token } = (await login({ email }, next)).body;
    expect((await plane.ask("GET", "/v1/me", { token })).body.user.email_verified).toBe(true);
  });

  it("is not replaced by a link of an hour ago, of another kind, or that was replaced", async () => {
    const person = await plane.signUp();
    const first = await linkFor(person);
    const second = await linkFor(person);
    const late = plane.with({ now: () => Date.now() + 3_600_000 });
    const confirmation = plane.linkTo(person.email, "confirm-email");
    const answers = [
      await reset(first),
      await reset(second, late),
      await reset(confirmation),
      await reset(""),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
    expect(new Set(answers.map(({ body }) => body.detail)).size).toBe(1);
  });
});
