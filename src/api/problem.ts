import { type Fault, wire } from "../fault.ts";

/** A fault as RFC 9457 problem details. */
export function problem(fault: Fault, requestId: string, origin: string): Response {
  const { status, title } = wire(fault.fault);
  const body = {
    type: `${origin}/v1/docs#${fault.fault}`,
    title,
    status,
    code: fault.fault,
    detail: fault.detail,
    ...(fault.errors ? { errors: fault.errors } : {}),
    request_id: requestId,
  };
  const headers = new Headers({
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
    "X-Request-Id": requestId,
  });
  if (fault.fault === "unauthenticated") headers.set("WWW-Authenticate", 'Bearer realm="Portcullis"');
  if (fault.retryAfterS !== undefined) headers.set("Retry-After", String(fault.retryAfterS));
  return new Response(JSON.stringify(body), { status, headers });
}
