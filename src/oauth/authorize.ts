import { isFault } from "../fault.ts";
import { ration } from "../identity/attempt.ts";
import { hashSecret, newSecret } from "../identity/secret.ts";
import { type SignedIn, visitor } from "../identity/sign_in.ts";
import { findConsent, insertTicket } from "../store/oauth_consent.ts";
import { listChoices } from "../store/offer.ts";
import {
  type AuthorizationRequest,
  type ReturnAddress,
  readAuthorizationRequest,
  returnAddress,
} from "./authorization_request.ts";
import { findClient } from "./client.ts";
import { choicesMax, decide, withinOf } from "./consent.ts";
import { consentPage, nothingToChoosePage, refusalPage } from "./consent_page.ts";
import type { OAuthCall } from "./deps.ts";
import { withAnswer } from "./redirect_uri.ts";
import { isRefusal, type Refusal, refuse } from "./refusal.ts";
import { readForm, readParameters } from "./request.ts";

const searchCharsMax = 8_192;
/** How long a person may take. */
const ticketMs = 10 * 60_000;

/** `/authorize` (RFC 6749 §3.1): GET asks the person, POST is their answer. Nothing is fetched or kept for a stranger. */
export async function authorize(request: Request, call: OAuthCall): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  if (request.method !== "GET" && request.method !== "POST") {
    return new Response(null, { status: 405, headers: { Allow: "GET, POST" } });
  }
  if (search.length > searchCharsMax) return refusalPage(tooLong, null);
  const signedIn = await visitor(request, call.deps);
  if (request.method === "POST")
    return signedIn ? answer(request, call, signedIn) : refusalPage(notOurs, null);
  if (signedIn) return ask(new URLSearchParams(search), call, signedIn);
  const next = new URLSearchParams({ next: `${pathname}${search}` });
  return seeOther(`${call.deps.origin}/sign-in?${next.toString()}`);
}

const tooLong = refuse("invalid_request", "The request is too long.");
const notOurs = refuse(
  "access_denied",
  "You are signed out, or this did not come from our own page. Go back to your program and start again.",
);

async function ask(search: URLSearchParams, call: OAuthCall, signedIn: SignedIn): Promise<Response> {
  const { deps, nowMs } = call;
  // Each may fetch a document from somewhere else.
  const tired = await ration("consent", `user ${signedIn.user.id}`, deps);
  if (isFault(tired)) return refusalPage(refuse("slow_down", tired.detail), null);
  const parameters = readParameters(search);
  if (isRefusal(parameters)) return refusalPage(parameters, null);
  const client = await findClient(deps, parameters.get("client_id") ?? "");
  if (isRefusal(client)) return refusalPage(client, null);
  const address = returnAddress(parameters, client);
  if (isRefusal(address)) return refusalPage(address, null);
  const wanted = readAuthorizationRequest(parameters, client, address, deps.origin);
  // Nobody has vetted the address, so nobody is sent there without a click (RFC 9700 §4.11.2).
  if (isRefusal(wanted)) return refusalPage(wanted, backWith(address, wanted, deps.origin));
  const ticket = newSecret(deps.random);
  const question = {
    hash: hashSecret(ticket),
    session: signedIn.session.jti,
    request: JSON.stringify(wanted),
    expiresAt: nowMs + ticketMs,
  };
  await deps.db.batch(insertTicket(deps.db, question, nowMs));
  return show(call, signedIn, wanted, ticket);
}

async function show(
  { deps }: OAuthCall,
  { user, session }: SignedIn,
  wanted: AuthorizationRequest,
  ticket: string,
): Promise<Response> {
  const choices = await listChoices(deps.db, user.id, withinOf(session, wanted), choicesMax);
  const [first] = choices;
  const person = user.email ?? "your team's account";
  if (!first) return nothingToChoosePage({ request: wanted, person, ticket });
  const one = choices.every(({ server }) => server.id === first.server.id);
  const given = one
    ? await findConsent(deps.db, {
        team: first.team.id,
        member: user.id,
        client: wanted.client.same,
        server: first.server.id,
      })
    : null;
  return consentPage({ request: wanted, person, ticket, choices, chosen: given?.policy ?? null });
}

async function answer(request: Request, call: OAuthCall, signedIn: SignedIn): Promise<Response> {
  const form = await readForm(request);
  if (isRefusal(form)) return refusalPage(form, null);
  const decided = await decide(call, signedIn, form);
  if (isRefusal(decided)) return refusalPage(decided, null);
  const { request: asked, outcome } = decided;
  if (isRefusal(outcome)) return seeOther(backWith(asked, outcome, call.deps.origin));
  const { redirectUri, state } = asked;
  return seeOther(withAnswer(redirectUri, { code: outcome.code, state, iss: call.deps.origin }));
}

/** The client's address with why it got nothing; `iss` so that it knows from whom (RFC 9207 §2). */
const backWith = (
  { redirectUri, state }: ReturnAddress,
  { error, description }: Refusal,
  iss: string,
): string => withAnswer(redirectUri, { error, error_description: description, state, iss });

/** 303, so that no browser sends the form on (RFC 9700 §4.12). */
const seeOther = (location: string): Response =>
  new Response(null, {
    status: 303,
    headers: { Location: location, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer" },
  });
