import type { Context } from "../asked.ts";
import type { Step } from "../condition.ts";
import { isObj, Num, type Obj, own, put } from "../value.ts";
import type { Random } from "./random.ts";
import { type Sample, scalar } from "./sample.ts";

/** Makes the containers on the way; now and then one of them is something else. */
export function build(parent: Obj, steps: Step[], value: () => Sample, random: Random): void {
  const [step, ...rest] = steps;
  if (typeof step !== "string") return;
  const made = grown(own(parent, step), rest, value, random);
  if (made === undefined) delete parent[step];
  else put(parent, step, made);
}

function grown(at: Sample, steps: Step[], value: () => Sample, random: Random): Sample {
  const [step, ...rest] = steps;
  if (step === undefined) return value();
  if (random.chance(0.03)) return random.pick<Sample>([undefined, null, "text", [], {}, new Num("5")]);
  if (typeof step === "string") {
    // A copy: samples are shared, and one call must not change the next.
    const object: Obj = isObj(at) ? { ...at } : {};
    build(object, steps, value, random);
    return object;
  }
  const present = Array.isArray(at) ? [...at] : [];
  const least = typeof step === "number" ? step + (random.chance(0.9) ? 1 : 0) : random.below(3);
  while (present.length < least) present.push(grown(undefined, rest, value, random) ?? scalar(random));
  const chosen = typeof step === "number" ? step : random.below(present.length + 1);
  if (chosen < present.length) present[chosen] = grown(present[chosen], rest, value, random) ?? {};
  return present;
}

/** Context is typed, so only a value of the right type moves it. */
export function moved(context: Context, where: string, value: Sample): Context {
  const { grant, member, now } = context;
  const whole = value instanceof Num && /^\d+$/.test(value.source) ? Number(value.source) : null;
  if (where === "now.hour" && whole !== null && whole < 24)
    return { ...context, now: { ...now, hour: whole } };
  if (where === "now.weekday" && whole !== null && whole > 0 && whole < 8) {
    return { ...context, now: { ...now, weekday: whole } };
  }
  if (where === "member.email" && value === undefined) return { ...context, member: null };
  if (Array.isArray(value) && where === "grant.tags") {
    return { ...context, grant: { ...grant, tags: value.filter((tag) => typeof tag === "string") } };
  }
  if (typeof value !== "string") return context;
  if (where === "grant.label") return { ...context, grant: { ...grant, label: value } };
  if (where === "client.name") return { ...context, client: { name: value } };
  if (where === "now.date") return { ...context, now: { ...now, date: value } };
  if (where === "member.email") return { ...context, member: { role: "member", ...member, email: value } };
  if (where === "member.role") return { ...context, member: { email: "a@x.io", ...member, role: value } };
  return context;
}
