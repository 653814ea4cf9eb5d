import { DurableObject } from "cloudflare:workers";

export class GrantGate extends DurableObject {}
export class TeamLog extends DurableObject {}

export default { fetch: () => new Response("not yet", { status: 503 }) };
