import { randomUUID } from "node:crypto";
import { type Browser, type CDPSession, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browserFlags, browserPath } from "../../scripts/browser.ts";
import { totpCode } from "../../src/identity/totp.ts";
import { type Started, scratch, startPortcullis } from "./harness.ts";

// Browsers make no passkeys for 127.0.0.1, so this gateway goes by the name localhost. Everything is done as a person does it.
const { dir, drop } = scratch();
const email = `${randomUUID()}@example.com`;
const password = randomUUID();

let started: Started;
let browser: Browser;
let page: Page;
let devices: CDPSession;
let url: string;

beforeAll(async () => {
  started = startPortcullis(dir, "--no-demo", "--host", "localhost");
  ({ url } = await started.ready());
  browser = await chromium.launch({ executablePath: browserPath(), args: browserFlags });
  page = await (await browser.newContext()).newPage();
  devices = await page.context().newCDPSession(page);
  await devices.send("WebAuthn.enable");
});
afterAll(async () => {
  await browser?.close();
  await started?.stop();
  drop();
});

/** A device that keeps passkeys and knows its person (Chromium's own, WebAuthn L3 §11). */
async function device(): Promise<string> {
  const options = {
    protocol: "ctap2",
    transport: "internal",
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
    automaticPresenceSimulation: true,
  } as const;
  return (await devices.send("WebAuthn.addVirtualAuthenticator", { options })).authenticatorId;
}

const open = (path: string) => page.goto(url + path);
const fill = async (form: string, values: Record<string, string>) => {
  for (const [name, value] of Object.entries(values)) {
    await page.fill(`#${form} [name=${name}]`, value);
  }
  await page.click(`#${form} button`);
};
const inside = () => page.waitForURL(`${url}/second-factor`);
const factors = async () => {
  await page.waitForSelector("#factors li");
  return page.locator("#factors li").allTextContents();
};
const signOut = () => page.context().clearCookies();
const signIn = () => fill("sign-in", { email, password });

describe("in a browser", () => {
  let codes: string[];

  it("a passkey is made and then signs its person in without an address or a password", async () => {
    await open("/sign-up?next=/second-factor");
    await fill("sign-up", { email, password, team: "Testers" });
    await inside();
    expect(await factors()).toEqual(["Nothing yet"]);
    await device();
    await fill("passkey", { name: "This machine", password });
    await page.waitForSelector("#codes:not([hidden])");
    codes = (await page.textContent("#codes pre"))?.split("\n") ?? [];
    expect(codes).toHaveLength(10);
    expect(await factors()).toEqual(["The passkey “This machine”", "10 recovery codes"]);
    await signOut();
    await open("/sign-in?next=/second-factor");
    await page.click("#by-passkey button");
    await inside();
    expect(await factors()).toContain("The passkey “This machine”");
  });

  it("the password alone lets nobody in then; the passkey behind it does", async () => {
    await signOut();
    await open("/sign-in?next=/second-factor");
    await signIn();
    await page.waitForSelector("#second-factor:not([hidden])");
    expect(page.url()).toContain("/sign-in");
    await page.click("#second-by-passkey button");
    await inside();
  });

  it("an app is set up with the passkey's leave, and its code or a recovery code serves too", async () => {
    await fill("app", { password });
    await page.waitForSelector("#app-code:not([hidden])");
    const uri = new URL((await page.getAttribute("#app-link", "href")) ?? "");
    const secret = uri.searchParams.get("secret") ?? "";
    const code = (steps: number) => totpCode(bytesOf(secret), Math.floor(Date.now() / 30_000) + steps);
    await fill("app-code", { code: code(0) });
    await expect.poll(factors).toContain("An authenticator app");
    for (const shown of [code(1), codes[0] ?? ""]) {
      await signOut();
      await open("/sign-in?next=/second-factor");
      await signIn();
      await page.waitForSelector("#second-factor:not([hidden])");
      await fill("second-factor", { code: shown });
      await inside();
    }
    expect(await factors()).toContain("9 recovery codes");
  });

  it("a passkey is removed with the password and a factor, and by nothing less", async () => {
    await page.selectOption("#change-what", { label: "Remove the passkey “This machine”" });
    await fill("change", { password, proof: "0000-0000-0000-0000" });
    await page.waitForSelector("#change .problem:not(:empty)");
    expect(await factors()).toContain("The passkey “This machine”");
    await page.selectOption("#change-what", { label: "Remove the passkey “This machine”" });
    await fill("change", { password, proof: codes[1] ?? "" });
    await expect.poll(factors).toEqual(["An authenticator app", "8 recovery codes"]);
  });

  it("a device that has no passkey of this gateway's signs nobody in, and the page says so", async () => {
    await signOut();
    await devices.send("WebAuthn.disable");
    await devices.send("WebAuthn.enable");
    await device();
    await open("/sign-in?next=/second-factor");
    await page.click("#by-passkey button");
    await page.waitForSelector("#by-passkey .problem:not(:empty)");
    expect(await page.textContent("#by-passkey .problem")).toBe(
      "The browser has shown no passkey. Try again.",
    );
    expect(page.url()).toContain("/sign-in");
  });
});

function bytesOf(base32: string): Uint8Array {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...base32].map((one) => alphabet.indexOf(one).toString(2).padStart(5, "0")).join("");
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
}
