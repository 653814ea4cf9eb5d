import type { AuthorizationRequest } from "./authorization_request.ts";

const charsMax = 60;

/**
 * A client's name, for people to read: one line, without what cannot be seen or changes the direction of what can
 * (Unicode TR 36, §2.10). Where nothing is left of it, the host of its address or that it has none.
 */
export function legibleName({
  id,
  name,
  from,
}: Pick<AuthorizationRequest["client"], "id" | "name" | "from">) {
  const shown = (name ?? "")
    .normalize("NFKC")
    .replaceAll(/[\p{C}\p{Z}\p{Variation_Selector}\u3164\u115f\u1160\u2800]+/gu, " ")
    .trim();
  if (shown !== "") return [...shown].slice(0, charsMax).join("");
  return from === "document" ? new URL(id).host : "a program without a name";
}
