import { type Fault, fault } from "../fault.ts";
import type { Caller, WaitsFor } from "../gate/rpc.ts";
import type { Random, ServerId } from "../id.ts";
import { type Message, withoutState } from "../mcp/decode.ts";
import type { HandleKind } from "../mcp/handle.ts";
import type { MasterKeys } from "../upstream/aead.ts";
import { bindHandle, openHandle } from "../upstream/handle.ts";
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

  /** Binds a server's handles to the grant and server through which it gave them out, and opens them again. */
  handles({ team, grant }: Caller, server: ServerId): Handles {
    const owner = { team, grant, server };
    return {
      bind: (kind, handle) => bindHandle(this.#master, owner, kind, handle),
      open: (kind, text) => openHandle(this.#master, owner, kind, text),
    };
  }
}

/** Both ways of a handle; `open` gives null for one that is somebody else's. */
export interface Handles {
  readonly bind: (kind: HandleKind, handle: string) => string;
  readonly open: (kind: HandleKind, text: string) => string | null;
}

const badState = fault(
  "bad_params",
  "params.requestState is not what this gateway gave to this grant. Send the request again without it.",
);

const ownerOf = (caller: Caller) => ({ team: caller.team, grant: caller.grant, server: caller.serverSlug });
