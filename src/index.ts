import { DurableObject } from "cloudflare:workers";

export { TeamLog } from "./audit/log.ts";

export class GrantGate extends DurableObject {}

export default { fetch: () => new Response("not yet", { status: 503 }) };
