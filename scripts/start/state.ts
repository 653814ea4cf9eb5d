import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type * as z from "zod";
import { Trouble } from "./trouble.ts";

/** The state directory: every file in it is for its owner only. */
export class State {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new Trouble(`The state directory ${dir} cannot be made: ${String(error)}`);
    }
  }

  path(...names: string[]): string {
    return join(this.dir, ...names);
  }

  /** The file's content, or null where there is none yet. */
  read(name: string): string | null {
    try {
      return readFileSync(this.path(name), "utf8");
    } catch {
      return null;
    }
  }

  /** Replaces the file in one step, so that a crash leaves the old one or the new one. */
  write(name: string, content: string): void {
    const part = this.path(`${name}.part`);
    writeFileSync(part, content, { mode: 0o600 });
    chmodSync(part, 0o600);
    renameSync(part, this.path(name));
  }

  /** The JSON file's value, or null where there is none; one that was damaged is a `Trouble`. */
  readJson<S extends z.ZodType>(name: string, schema: S): z.infer<S> | null {
    const text = this.read(name);
    if (text === null) return null;
    try {
      return schema.parse(JSON.parse(text));
    } catch {
      throw new Trouble(`${this.path(name)} is damaged. Mend it, or delete it to have it made anew.`);
    }
  }

  writeJson(name: string, value: unknown): void {
    this.write(name, `${JSON.stringify(value, null, 2)}\n`);
  }
}
