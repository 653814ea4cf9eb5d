import worker, { GrantGate as Deployed } from "../../../src/index.ts";

export * from "../../../src/index.ts";

type Env = ConstructorParameters<typeof Deployed>[1];
type Gated = Env & { readonly GATES: DurableObjectNamespace<GrantGate> };

// What a gate re-reads behind an answer now and then: nothing is found, and what was pushed stays in force.
const emptyD1 = {
  prepare: () => ({ bind: () => ({}) }),
  batch: async (statements: readonly unknown[]) => statements.map(() => ({ results: [] })),
};

export class GrantGate extends Deployed {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, { ...env, DB: emptyD1 as unknown as D1Database });
  }
}

/** The Worker as it is deployed, behind one address that pushes a snapshot: the way of a call needs no D1. */
export default {
  async fetch(
    request: Parameters<typeof worker.fetch>[0],
    env: Gated,
    ctx: ExecutionContext,
  ): Promise<Response> {
    if (new URL(request.url).pathname !== "/bench/snapshot") return worker.fetch(request, env, ctx);
    const snapshot = await request.json<Parameters<GrantGate["apply"]>[0]>();
    await env.GATES.get(env.GATES.idFromName(snapshot.grant.id)).apply(snapshot);
    return new Response(null, { status: 204 });
  },
};
