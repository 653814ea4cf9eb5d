import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import * as z from "zod";
import { browserFlags, browserPath } from "../../scripts/browser.ts";
import { Rest } from "../../scripts/start/rest.ts";
import { type Cmux, startCmux } from "../support/cmux.ts";

// A name that would like to be more than text.
const hostile = '<img src=x onerror="document.title=1"> \u202eEditor';
const email = `${randomUUID()}@example.com`;
const password = randomUUID();

let browser: Browser;
let cmux: Cmux;
let client: Server;
let answered: string[];
let authorizeUrl: string;
let signedIn: Awaited<ReturnType<BrowserContext["storageState"]>> | undefined;

beforeAll(async () => {
  const { url } = inject("gateway");
  browser = await chromium.launch({ executablePath: browserPath(), args: browserFlags });
  cmux = await startCmux();
  const signedUp = z.object({ token: z.string(), team: z.object({ slug: z.string() }) });
  const { token, team } = await new Rest(url).must(signedUp, "POST", "/v1/signup", {
    email,
    password,
    team: "Testers",
  });
  const rest = new Rest(url, token);
  const at = `/v1/teams/${team.slug}/servers`;
  const body = { name: "Terminal multiplexer", url: cmux.url, auth: { type: "none" } };
  const { gateway_url } = await rest.must(z.object({ gateway_url: z.string() }), "POST", at, body);
  for (const name of ["Careful", "Everything that reads"]) {
    const policy = { name, document: { version: "1", default: "allow" } };
    await rest.must(z.unknown(), "POST", `${at}/terminal-multiplexer/policies`, policy);
  }
  answered = [];
  client = createServer((request, response) => {
    answered.push(request.url ?? "");
    response.end("You can close this page.");
  });
  await new Promise<void>((done) => client.listen(0, "127.0.0.1", done));
  const callback = `http://127.0.0.1:${(client.address() as AddressInfo).port}/callback`;
  const metadata = { client_name: hostile, redirect_uris: [callback], token_endpoint_auth_method: "none" };
  const { client_id } = await new Rest(url).must(
    z.object({ client_id: z.string() }),
    "POST",
    "/register",
    metadata,
  );
  const search = new URLSearchParams({
    response_type: "code",
    client_id,
    redirect_uri: callback,
    state: "a state",
    code_challenge: "a".repeat(43),
    code_challenge_method: "S256",
    resource: gateway_url,
  });
  authorizeUrl = `${url}/authorize?${search.toString()}`;
});
afterAll(async () => {
  await browser?.close();
  client?.close();
  await cmux?.stop();
});

/** Where `SCREENSHOTS` says, pictures for people to look at. */
async function pictures(page: Page, name: string): Promise<void> {
  const dir = process.env["SCREENSHOTS"];
  if (dir === undefined) return;
  mkdirSync(dir, { recursive: true });
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(dir, `${name}-${colorScheme}.png`), fullPage: true });
  }
}

/** A fresh browser's page, on which nothing may go wrong unnoticed. */
async function newPage(
  width: number,
  colorScheme: "light" | "dark",
): Promise<{ page: Page; trouble: string[] }> {
  const viewport = { width, height: 800 };
  const context = await browser.newContext({
    viewport,
    colorScheme,
    ...(signedIn && { storageState: signedIn }),
  });
  const page = await context.newPage();
  const trouble: string[] = [];
  page.on("pageerror", (error) => trouble.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") trouble.push(message.text());
  });
  return { page, trouble };
}

/** Follows the client's link; who is not signed in does that first, and the next browser of the test goes on from it. */
async function openConsent(page: Page): Promise<void> {
  await page.goto(authorizeUrl);
  if (!signedIn) {
    expect(new URL(page.url()).pathname).toBe("/sign-in");
    await page.getByLabel("E-mail address").fill(email);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
  }
  await page.waitForURL(/\/authorize\?/);
  signedIn = await page.context().storageState();
}

describe("in a browser", () => {
  it.each([
    [390, "light"],
    [1024, "dark"],
  ] as const)(
    "a person signs in, reads who asks and allows it, %i pixels wide and %s",
    async (width, scheme) => {
      const { page, trouble } = await newPage(width, scheme);
      await openConsent(page);
      const heading = page.getByRole("heading", { level: 1 });
      expect(await heading.textContent()).toBe("Let a program use your team's tools?");
      expect(await page.locator(".name").textContent()).toBe('<img src=x onerror="document.title=1"> Editor');
      expect(await page.locator("img, script").count()).toBe(0);
      const wide = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth");
      expect(wide).toBeLessThanOrEqual(0);
      await pictures(page, `consent-${width}`);
      await page.getByLabel("Careful").check();
      await page.getByRole("button", { name: "Allow", exact: true }).click();
      await page.waitForURL(/\/callback\?code=/);
      const back = new URL(page.url()).searchParams;
      expect([back.get("state"), back.get("iss")]).toEqual(["a state", new URL(authorizeUrl).origin]);
      expect(answered).toContain(new URL(page.url()).href.slice(new URL(page.url()).origin.length));
      expect(trouble.filter((text) => !text.includes("favicon"))).toEqual([]);
      await page.context().close();
    },
  );

  it("says no with one button, whatever is chosen, and nobody can put the page into a frame", async () => {
    const { page } = await newPage(390, "dark");
    await openConsent(page);
    await page.getByRole("button", { name: "Do not allow" }).click();
    await page.waitForURL(/\/callback\?error=access_denied/);
    await page.setContent(`<iframe src="${authorizeUrl}"></iframe>`);
    await page.waitForTimeout(300);
    const framed = page.frames().filter((frame) => frame !== page.mainFrame());
    const texts = await Promise.all(framed.map((frame) => frame.content().catch(() => "")));
    expect(texts.join("")).not.toContain("Let a program");
    await page.context().close();
  });
});
