import type { Risk } from "./classify.ts";

export const tiers = ["strict", "recommended", "permissive"] as const;

/** How much an agent is trusted: to look, to work unattended, to work while somebody watches. */
export type Tier = (typeof tiers)[number];

/** What becomes of a tool's calls; `perMinute` is null where nothing limits them. */
export type Treatment =
  | { readonly effect: "allow"; readonly perMinute: number | null }
  | { readonly effect: "approve" }
  | { readonly effect: "hide" };

const free: Treatment = { effect: "allow", perMinute: null };
const approve: Treatment = { effect: "approve" };
const hide: Treatment = { effect: "hide" };
const limited = (perMinute: number): Treatment => ({ effect: "allow", perMinute });

/** Whether it carries calls of other tools that no rule would see: nobody knows where in its arguments they are. */
export const carriesUnseen = ({ flags, evidence }: Judged): boolean =>
  flags.includes("nested_calls") && !evidence.some(({ nested }) => nested);

type Judged = Pick<Risk, "category" | "level" | "flags" | "evidence">;

/** How a tier treats a tool of this risk. Enough for an agent at work, and little enough that one in a loop is stopped within a minute. */
export function treatmentOf(tier: Tier, risk: Judged): Treatment {
  const treatment = byCategory(tier, risk);
  if (treatment.effect === "hide" || !carriesUnseen(risk)) return treatment;
  return tier === "strict" ? hide : approve;
}

function byCategory(tier: Tier, { category, level }: Judged): Treatment {
  switch (tier) {
    case "strict":
      return strictly(category, level);
    case "recommended":
      return { Read: free, Write: limited(30), Execute: limited(10), Financial: approve, Destructive: hide }[
        category
      ];
    case "permissive":
      return {
        Read: free,
        Write: limited(120),
        Execute: limited(60),
        Financial: approve,
        Destructive: approve,
      }[category];
    default:
      return hide;
  }
}

function strictly(category: Risk["category"], level: Risk["level"]): Treatment {
  switch (category) {
    case "Read":
      return level === "high" || level === "critical" ? approve : free;
    case "Write":
      return level === "high" || level === "critical" ? approve : limited(10);
    case "Execute":
      return level === "critical" ? hide : approve;
    default:
      return hide;
  }
}
