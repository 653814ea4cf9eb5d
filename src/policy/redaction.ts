import { type Path, parsePath, type Step } from "./path.ts";
import type { Scene } from "./scene.ts";

/** Which arguments of a message its rules' `redact` names, inner calls' included. */
export class Redaction {
  static readonly none = new Redaction([]);
  readonly #paths: readonly (readonly Step[])[];

  private constructor(paths: readonly (readonly Step[])[]) {
    this.#paths = paths;
  }

  /** This, and what the rules that judge a scene's call add to it. */
  and({ layers, argsAt }: Pick<Scene, "layers" | "argsAt">): Redaction {
    const added = layers.flatMap(({ rule }) => rule?.redact ?? []).flatMap((path) => within(argsAt, path));
    return added.length === 0 ? this : new Redaction([...this.#paths, ...added]);
  }

  /** Whether a path of the scene's call leads to, into or past something redacted. */
  hides({ argsAt }: Pick<Scene, "argsAt">, path: Path): boolean {
    if (path.root !== "args" || this.#paths.length === 0) return false;
    const [sought = []] = within(argsAt, path.text);
    return this.#paths.some((redacted) => overlap(redacted, sought));
  }
}

/** The steps from the message's own arguments to a path of a call that stands at `argsAt`. */
function within(argsAt: string, path: string): (readonly Step[])[] {
  const whole = parsePath(argsAt + path.slice("args".length));
  return whole ? [whole.steps] : [];
}

/** Whether one leads to where the other does, or to something that holds it. */
const overlap = (a: readonly Step[], b: readonly Step[]): boolean =>
  a.slice(0, b.length).every((step, index) => meets(step, b[index]));

function meets(a: Step | undefined, b: Step | undefined): boolean {
  if (typeof a !== "object" || typeof b !== "object") return true;
  return "name" in a ? "name" in b && a.name === b.name : "index" in b && a.index === b.index;
}
