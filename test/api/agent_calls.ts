import { env, runDurableObjectAlarm } from "cloudflare:test";
import { decodeJwt } from "jose";
import type { Admission, Ask, Caller, GateStub, View } from "../../src/gate/rpc.ts";
import type { GrantId } from "../../src/id.ts";
import type { TeamSetting } from "./team_setting.ts";

/** An agent that holds a grant's token, and whose calls its gate really decides and records. */
export class AgentCalls {
  readonly #gate: DurableObjectStub & GateStub;
  readonly #caller: Omit<Caller, "serverSlug">;

  constructor({ person }: TeamSetting, grant: { id: GrantId; token: string }) {
    this.#gate = env.GATES.get(env.GATES.idFromName(grant.id)) as unknown as DurableObjectStub & GateStub;
    const jti = decodeJwt(grant.token).jti ?? "";
    this.#caller = {
      grant: grant.id,
      team: person.team.id as Caller["team"],
      bearer: { kind: "token", jti },
      teamSlug: person.team.slug,
    };
  }

  admit(serverSlug: string, ask: Omit<Ask, "requestId">): Promise<Admission> {
    return this.#gate.admit({ ...this.#caller, serverSlug }, { ...ask, requestId: "req_1" });
  }

  /** Calls a tool, with these arguments. */
  call(serverSlug: string, name: string, args: unknown = {}): Promise<Admission> {
    return this.admit(serverSlug, {
      method: "tools/call",
      targets: [{ kind: "tool", name }],
      argumentsText: JSON.stringify(args),
    });
  }

  /** Asks for what names nothing, such as a list. */
  view(serverSlug: string, method: string): Promise<View> {
    return this.#gate.view({ ...this.#caller, serverSlug }, method);
  }

  /** Hands what was decided to the team's log, as the gate does by itself a second later. */
  async ship(): Promise<void> {
    await runDurableObjectAlarm(this.#gate);
  }
}
