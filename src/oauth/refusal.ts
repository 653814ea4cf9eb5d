/** The errors of RFC 6749 §4.1.2.1 and §5.2, RFC 7591 §3.2.2 and RFC 8707 §2, as far as we have them. */
const statuses = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  unsupported_response_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  access_denied: 400,
  invalid_redirect_uri: 400,
  invalid_client_metadata: 400,
  temporarily_unavailable: 503,
  slow_down: 429,
} as const;

export type OAuthError = keyof typeof statuses;

/** A refusal as OAuth has it: a value that travels. `description` is public and says what to do. */
export interface Refusal {
  readonly error: OAuthError;
  readonly description: string;
  /** When to try again, in whole seconds. */
  readonly retryAfterS?: number;
}

// RFC 6749 §5.2: printable ASCII without quotes and backslashes.
const printable = (text: string): string => text.replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]+/g, "?");

export const refuse = (error: OAuthError, description: string): Refusal => ({
  error,
  description: printable(description).slice(0, 300),
});

export const isRefusal = (value: unknown): value is Refusal =>
  typeof value === "object" && value !== null && "error" in value && "description" in value;

/** JSON that nobody may keep: tokens are in it. */
export const answerJson = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: {
      "Content-Type": "application/json",
      "Cache-Control": "no-store",
      Pragma: "no-cache",
      ...headers,
    },
  });

/** A refusal of the token, registration and revocation endpoints (RFC 6749 §5.2). */
export function answerRefusal({ error, description, retryAfterS }: Refusal): Response {
  const headers: Record<string, string> = {};
  if (error === "invalid_client") headers["WWW-Authenticate"] = 'Basic realm="Portcullis"';
  if (retryAfterS !== undefined) headers["Retry-After"] = String(retryAfterS);
  return answerJson({ error, error_description: description }, statuses[error], headers);
}
