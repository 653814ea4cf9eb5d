import { env, runInDurableObject } from "cloudflare:test";
import { expect } from "vitest";
import { totpCode } from "../../src/identity/totp.ts";
import { Authenticator, type Twist } from "../support/authenticator.ts";
import { type Answered, ControlPlane, origin, type Person } from "./control_plane.ts";

export const told = ({ status, body }: Answered) => [status, body.code];
export const wrong = [401, "unauthenticated"];

/** A clock that can be put forward. */
interface Clock {
  aheadMs: number;
}

/** An authenticator app, as its person holds it: it reads the secret as RFC 4648 §6 has it. */
class App {
  readonly #secret: Uint8Array;
  readonly #clock: Clock;

  constructor(written: string, clock: Clock) {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const bits = [...written].map((one) => alphabet.indexOf(one).toString(2).padStart(5, "0")).join("");
    this.#secret = Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
    this.#clock = clock;
  }

  code(steps = 0): string {
    return totpCode(this.#secret, Math.floor((Date.now() + this.#clock.aheadMs) / 30_000) + steps);
  }

  /** The code of a step that no code was shown of. */
  next(): string {
    this.#clock.aheadMs += 30_000;
    return this.code();
  }
}

/** A person, and what they sign in with, on a control plane whose clock can be put forward. */
export class FactorSetting {
  readonly plane: ControlPlane;
  readonly person: Person;
  readonly #clock: Clock;

  private constructor(plane: ControlPlane, person: Person, clock: Clock) {
    this.plane = plane;
    this.person = person;
    this.#clock = clock;
  }

  static async start(): Promise<FactorSetting> {
    const clock = { aheadMs: 0 };
    const plane = await ControlPlane.start({ now: () => Date.now() + clock.aheadMs });
    return new FactorSetting(plane, await plane.signUp("First"), clock);
  }

  /** Somebody else at the same control plane. */
  of(person: Person): FactorSetting {
    return new FactorSetting(this.plane, person, this.#clock);
  }

  async another(): Promise<FactorSetting> {
    return this.of(await this.plane.signUp("Another"));
  }

  /** Takes from everybody what they have set up, and forgets the person's wrong guesses. */
  async clear(): Promise<void> {
    const guesses = env.THROTTLES.get(env.THROTTLES.idFromName(`account ${this.person.id}`));
    await runInDurableObject(guesses, (_, { storage }) => storage.deleteAll());
    const tables = ["totp", "recovery_code", "passkey"];
    await env.DB.batch(tables.map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
  }

  wait(ms: number): void {
    this.#clock.aheadMs += ms;
  }

  get password(): { password: string } {
    return { password: this.person.password };
  }

  me(method: string, path: string, body?: unknown): Promise<Answered> {
    const { token } = this.person;
    return this.plane.ask(method, `/v1/me/${path}`, { token, ...(body === undefined ? {} : { body }) });
  }

  login(): Promise<Answered> {
    return this.plane.ask("POST", "/v1/login", { body: { email: this.person.email, ...this.password } });
  }

  /** What signing in by password still lacks. */
  async lacks() {
    return (await this.login()).body.second_factor;
  }

  second(body: unknown): Promise<Answered> {
    return this.plane.ask("POST", "/v1/login/second-factor", { body });
  }

  app(secret: string): App {
    return new App(secret, this.#clock);
  }

  async setUp(): Promise<{ app: App; codes: string[] }> {
    const begun = await this.me("POST", "totp", this.password);
    expect(begun.status, begun.text).toBe(201);
    const app = this.app(begun.body.secret);
    const { status, body } = await this.me("POST", "totp/confirm", { code: app.next() });
    expect(status).toBe(200);
    return { app, codes: body.recovery_codes };
  }

  /** What a new passkey is made from. */
  async offered() {
    const begun = await this.me("POST", "passkeys/options", this.password);
    expect(begun.status, begun.text).toBe(200);
    return begun.body;
  }

  async makePasskey() {
    const key = await Authenticator.at(origin);
    const { challenge, options } = await this.offered();
    const passkey = await key.create(options);
    const made = await this.me("POST", "passkeys", { challenge, name: "Laptop", passkey });
    expect(made.status, made.text).toBe(201);
    return { key, made: made.body };
  }

  /** What a sign-in by passkey begins with. */
  async begin() {
    return (await this.plane.ask("POST", "/v1/login/passkey/options")).body;
  }

  async signIn(key: Authenticator, twist: Twist = {}, begun?: { challenge: string; options: never }) {
    const { challenge, options } = begun ?? (await this.begin());
    const body = { challenge, passkey: await key.get(options, twist) };
    return this.plane.ask("POST", "/v1/login/passkey", { body });
  }
}
