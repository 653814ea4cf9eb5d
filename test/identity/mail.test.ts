import { describe, expect, it } from "vitest";
import { isFault } from "../../src/fault.ts";
import { type MailPort, type MailSettings, mailPort } from "../../src/identity/mail.ts";

const mail = { to: "a@example.com", subject: "Hello", text: "Follow this link." };

function deployed(settings: Partial<MailSettings>, local: boolean, answer: () => Promise<Response> = ok) {
  const requests: Request[] = [];
  const print: string[] = [];
  const port = mailPort({ url: undefined, token: undefined, ...settings }, local, {
    fetch: (input, init) => {
      requests.push(new Request(input, init));
      return answer();
    },
    print: (text) => print.push(text),
  });
  return { port, requests, print };
}

const ok = async () => new Response("queued", { status: 202 });
const settings = { url: "https://mail.example/send", token: "s3cret" };
const sender = (port: ReturnType<typeof mailPort>): MailPort => {
  if (isFault(port)) throw new Error(port.detail);
  return port;
};

describe("mail", () => {
  it("is posted to the operator's mailer as JSON, with its token", async () => {
    const { port, requests, print } = deployed(settings, false);
    expect(await sender(port).send(mail)).toBe("sent");
    const [request] = requests;
    expect([request?.method, request?.url, request?.headers.get("Authorization")]).toEqual([
      "POST",
      settings.url,
      "Bearer s3cret",
    ]);
    expect(request?.headers.get("Content-Type")).toBe("application/json");
    expect(await request?.json()).toEqual(mail);
    expect(print).toEqual([]);
  });

  it.each([
    ["refuses", async () => new Response("no", { status: 400 })],
    [
      "leads elsewhere",
      async () => new Response(null, { status: 302, headers: { Location: "https://x.example" } }),
    ],
    ["cannot be reached", () => Promise.reject(new TypeError("refused"))],
  ])("has failed where the mailer %s", async (_, answer) => {
    const { port, requests } = deployed(settings, false, answer);
    expect(await sender(port).send(mail)).toBe("failed");
    expect(requests).toHaveLength(1);
  });

  it("is printed in development alone, and only without a mailer", async () => {
    const here = deployed({}, true);
    expect(await sender(here.port).send(mail)).toBe("printed");
    expect(here.print.join()).toContain(mail.text);
    const there = deployed({}, false);
    expect(there.port).toMatchObject({ fault: "misconfigured", detail: expect.stringContaining("MAIL_URL") });
    const mailer = deployed({ ...settings, url: "http://127.0.0.1:1" }, true);
    expect([await sender(mailer.port).send(mail), mailer.print]).toEqual(["sent", []]);
  });

  it.each([
    [{ url: "http://mail.example/send", token: "t" }],
    [{ url: "mail.example", token: "t" }],
    [{ url: "https://mail.example" }],
    [{ token: "t" }],
  ])("is not sent by half a setting or in clear: %j", (given) => {
    expect(deployed(given, false).port).toMatchObject({ fault: "misconfigured" });
  });
});
