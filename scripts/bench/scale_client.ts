import { quantiles } from "./median.ts";

/** Somebody who is signed in to the control plane. */
export class Person {
  readonly #origin: string;
  readonly #token: string;

  private constructor(origin: string, token: string) {
    this.#origin = origin;
    this.#token = token;
  }

  static async signIn(origin: string, email: string, password: string): Promise<Person> {
    const person = new Person(origin, "");
    const { token } = await person.ask("POST", "/v1/login", { email, password });
    return new Person(origin, String(token));
  }

  /** The answer's body; throws at any answer but a 200. */
  // biome-ignore lint/suspicious/noExplicitAny: whoever asks knows what comes
  async ask(method: string, path: string, body?: unknown): Promise<any> {
    const response = await fetch(`${this.#origin}${path}`, {
      method,
      headers: { Authorization: `Bearer ${this.#token}`, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.status !== 200)
      throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 300)}`);
    return JSON.parse(text);
  }
}

/** Milliseconds that it took. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

/** Milliseconds at the median and at the worst, one after the other, behind one that does not count. */
export async function repeated(
  times: number,
  work: () => Promise<unknown>,
): Promise<{ readonly p50: number; readonly worst: number }> {
  await work();
  const took: number[] = [];
  for (let i = 0; i < times; i++) took.push(await timed(work));
  return { p50: quantiles(took)(0.5), worst: Math.max(...took) };
}
