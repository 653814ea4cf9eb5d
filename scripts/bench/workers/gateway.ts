import worker, { type GrantGate } from "../../../src/index.ts";

export * from "../../../src/index.ts";

type Env = Parameters<typeof worker.fetch>[1] & { readonly GATES: DurableObjectNamespace<GrantGate> };

/** The Worker as it is deployed, behind one address that pushes a snapshot: the way of a call needs no D1. */
export default {
  async fetch(
    request: Parameters<typeof worker.fetch>[0],
    env: Env,
    ctx: ExecutionContext,
  ): Promise<Response> {
    if (new URL(request.url).pathname !== "/bench/snapshot") return worker.fetch(request, env, ctx);
    const snapshot = await request.json<Parameters<GrantGate["apply"]>[0]>();
    await env.GATES.get(env.GATES.idFromName(snapshot.grant.id)).apply(snapshot);
    return new Response(null, { status: 204 });
  },
};
