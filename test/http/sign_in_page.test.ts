import { randomUUID } from "node:crypto";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import * as z from "zod";
import { browserFlags, browserPath } from "../../scripts/browser.ts";
import { Rest } from "../../scripts/start/rest.ts";
import { Team } from "./team.ts";

const { url } = inject("gateway");
const linked = z.object({ link: z.url() });

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: browserPath(), args: browserFlags });
});
afterAll(() => browser?.close());

const press = (page: Page, name: string) => page.getByRole("button", { name }).click();
const said = (page: Page, text: string) => page.getByText(text).waitFor();

it("somebody follows an invitation, signs up, confirms the address and joins, by pages alone", async () => {
  const team = await Team.signUp(url);
  const email = `${randomUUID()}@example.com`;
  const password = randomUUID();
  const { link } = await team.rest.must(linked, "POST", team.path("members"), { email, role: "viewer" });
  const context = await browser.newContext();
  const page = await context.newPage();

  await page.goto(link);
  await press(page, "Join the team");
  await said(page, "Sign in first.");
  await page.getByRole("link", { name: "sign up" }).click();
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill("short");
  await page.getByLabel("Your team's name").fill("Mine");
  await press(page, "Sign up");
  await said(page, "a password has at least 12 characters");
  expect(await page.evaluate("document.activeElement.id")).toBe("password");
  await page.getByLabel("Password").fill(password);
  await press(page, "Sign up");
  await page.waitForURL(link);

  const [cookie, ...more] = await context.cookies();
  expect(more).toEqual([]);
  expect(cookie).toMatchObject({ name: "__Host-session", httpOnly: true, secure: true, sameSite: "Lax" });
  expect(await page.evaluate("document.cookie")).toBe("");

  await press(page, "Join the team");
  await said(page, "Confirm your e-mail address first");
  const { token } = await new Rest(url).must(z.object({ token: z.string() }), "POST", "/v1/login", {
    email,
    password,
  });
  const mailed = await new Rest(url, token).must(linked, "POST", "/v1/email/confirmation");
  await page.goto(mailed.link);
  await press(page, "Confirm it");
  await said(page, "Your e-mail address is confirmed.");
  await page.goto(link);
  await press(page, "Join the team");
  await said(page, "You are a member now.");
  const { body } = await new Rest(url, token).call("GET", "/v1/teams");
  expect(JSON.stringify(body)).toContain(`"slug":"${team.slug}"`);
  await context.close();
});
