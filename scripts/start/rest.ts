import type * as z from "zod";

/** The control plane as one caller sees it. */
export class Rest {
  readonly #origin: string;
  readonly #token: string | null;

  constructor(origin: string, token: string | null = null) {
    this.#origin = origin;
    this.#token = token;
  }

  /** Calls `path` and returns the answer's status and parsed body. */
  async call(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
    const headers: Record<string, string> = { accept: "application/json" };
    if (this.#token !== null) headers["authorization"] = `Bearer ${this.#token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    const response = await fetch(`${this.#origin}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  }

  /** The same, for a call that must succeed with a body of this shape. */
  async must<S extends z.ZodType>(
    schema: S,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<z.infer<S>> {
    const answer = await this.call(method, path, body);
    if (answer.status < 300) return schema.parse(answer.body);
    throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  }
}
