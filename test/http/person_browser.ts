import { randomUUID } from "node:crypto";

/** A person with a browser, as far as forms, cookies and redirects go. */
export class PersonBrowser {
  readonly #origin: string;
  readonly #cookie: string;
  readonly team: string;
  readonly #token: string;

  private constructor(origin: string, cookie: string, team: string, token: string) {
    this.#origin = origin;
    this.#cookie = cookie;
    this.team = team;
    this.#token = token;
  }

  /** Signs up with a team, as our own page does. */
  static async signUp(origin: string): Promise<PersonBrowser> {
    const email = `${randomUUID()}@example.com`;
    const body = JSON.stringify({ email, password: randomUUID(), team: "Testers" });
    const headers = { "Content-Type": "application/json" };
    const signedUp = await fetch(`${origin}/v1/signup`, { method: "POST", headers, body });
    const { team, token } = (await signedUp.json()) as { team: { slug: string }; token: string };
    // A session's bearer form is what its cookie holds.
    return new PersonBrowser(origin, `__Host-session=${token}`, team.slug, token);
  }

  /** The person's own token for the API. */
  get token(): string {
    return this.#token;
  }

  /** Reads the page that a client sends its person to, picks its first policy and allows it; gives where that leads. */
  async agree(to: URL): Promise<URL> {
    const page = await fetch(to, { headers: { Cookie: this.#cookie }, redirect: "manual" });
    const text = await page.text();
    if (page.status !== 200) throw new Error(`the page answered ${page.status}: ${text}`);
    const ticket = /name="ticket" value="([^"]+)"/.exec(text)?.[1] ?? "";
    const policy = /name="policy" value="([^"]+)"/.exec(text)?.[1] ?? "";
    const answer = await fetch(`${this.#origin}/authorize`, {
      method: "POST",
      redirect: "manual",
      headers: {
        Cookie: this.#cookie,
        Origin: this.#origin,
        "Sec-Fetch-Site": "same-origin",
        "Content-Type": "application/x-www-form-urlencoded",
      },
      body: new URLSearchParams({ ticket, policy, answer: "allow" }).toString(),
    });
    if (answer.status !== 303) throw new Error(`the form answered ${answer.status}: ${await answer.text()}`);
    return new URL(answer.headers.get("Location") ?? "");
  }
}
