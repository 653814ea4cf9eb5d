import { type Fault, fault } from "../fault.ts";
import type { Caller, WaitsFor } from "../gate/rpc.ts";
import type { Random } from "../id.ts";
import { type Message, withoutState } from "../mcp/decode.ts";
import type { MasterKeys } from "../upstream/aead.ts";
import { isOurs, openState, sealState } from "../upstream/request_state.ts";

/** Seals what a modern client carries while its user is at the page, and takes it back. */
export class RequestStates {
  readonly #master: MasterKeys;
  readonly #random: Random;

  constructor(master: MasterKeys, random: Random) {
    this.#master = master;
    this.#random = random;
  }

  seal(caller: Caller, { id }: WaitsFor): Promise<string> {
    return sealState(this.#master, ownerOf(caller), { approval: id }, this.#random);
  }

  /** The call itself, without the state of ours that it may carry; a fault where that is forged or another grant's. */
  async resume(message: Message, caller: Caller): Promise<{ message: Message; resumed: boolean } | Fault> {
    const state = message.params?.get("requestState");
    if (typeof state !== "string" || !isOurs(state)) return { message, resumed: false };
    const opened = await openState(this.#master, ownerOf(caller), state);
    return opened ? { message: withoutState(message), resumed: true } : badState;
  }
}

const badState = fault(
  "bad_params",
  "params.requestState is not what this gateway gave to this grant. Send the request again without it.",
);

const ownerOf = (caller: Caller) => ({ team: caller.team, grant: caller.grant, server: caller.serverSlug });
