import { readCredentials } from "./client_auth.ts";
import { redeemCode } from "./code.ts";
import type { OAuthCall } from "./deps.ts";
import { jwtBearer, redeemAssertion } from "./id_jag.ts";
import { signInMachine } from "./machine.ts";
import { refresh } from "./refresh.ts";
import { answerRefusal, isRefusal, type Refusal, refuse } from "./refusal.ts";
import { readForm } from "./request.ts";
import type { GrantType } from "./signed_in.ts";

const grants: Readonly<Record<string, GrantType>> = {
  authorization_code: redeemCode,
  refresh_token: refresh,
  client_credentials: signInMachine,
  [jwtBearer]: redeemAssertion,
};

/** The grant types that the token endpoint takes. */
export const grantTypes = Object.keys(grants);

/** `POST /token` (RFC 6749 §3.2). It reads no cookie. */
export async function token(request: Request, call: OAuthCall): Promise<Response> {
  const answer = await answerTo(request, call);
  return isRefusal(answer) ? answerRefusal(answer) : answer;
}

async function answerTo(request: Request, call: OAuthCall): Promise<Response | Refusal> {
  const form = await readForm(request);
  if (isRefusal(form)) return form;
  const type = form.get("grant_type") ?? "";
  const grant = Object.hasOwn(grants, type) ? grants[type] : undefined;
  if (!grant) return refuse("unsupported_grant_type", `grant_type must be one of ${grantTypes.join(", ")}.`);
  const credentials = readCredentials(request.headers, form);
  return isRefusal(credentials) ? credentials : grant(call, form, credentials);
}
