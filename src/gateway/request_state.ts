import { createHash } from "node:crypto";
import { type Fault, fault } from "../fault.ts";
import type { Caller, Continued, WaitsFor } from "../gate/rpc.ts";
import { type DecisionId, decisionParts, type Random, type ServerId } from "../id.ts";
import { carriedText, carrying, type Message } from "../mcp/decode.ts";
import type { Bind, Open } from "../mcp/handle.ts";
import type { MasterKeys } from "../upstream/aead.ts";
import { bindHandle, openHandle } from "../upstream/handle.ts";
import { isOurs, openState, sealState } from "../upstream/request_state.ts";
import { bindRound, openRound } from "../upstream/round.ts";

/** What a server answers: the client's message, and the decision that let it go. */
export interface Answered {
  readonly message: Message | null;
  readonly decision: DecisionId | null;
  readonly now: () => number;
}

/** Seals what a modern client carries while its user is at the page, binds what servers have it carry, and takes both back. */
export class RequestStates {
  readonly #master: MasterKeys;
  readonly #random: Random;

  constructor(master: MasterKeys, random: Random) {
    this.#master = master;
    this.#random = random;
  }

  /**
   * Seals which approval the call waits for (null: a sign-in), and what it carried already: the client's next message has
   * room for one state.
   */
  seal(caller: Caller, message: Message, waitsFor: Pick<WaitsFor, "id"> | null): Promise<string> {
    const state = { approval: waitsFor?.id ?? null, carried: carriedText(message) };
    return sealState(this.#master, ownerOf(caller), state, this.#random);
  }

  /** The call as it was sent before its user went to the page; a fault where the state is forged or another grant's. */
  async resume(message: Message, caller: Caller): Promise<{ message: Message; resumed: boolean } | Fault> {
    const state = message.params?.get("requestState");
    if (typeof state !== "string" || !isOurs(state)) return { message, resumed: false };
    const opened = await openState(this.#master, ownerOf(caller), state);
    return opened ? { message: carrying(message, opened.carried ?? null), resumed: true } : badState;
  }

  /** The round that the message proves to continue: it was asked for that one's answer, and calls the same with the same. */
  continues(message: Message, caller: Caller): Continued | null {
    const text = message.params?.get("requestState");
    const round = typeof text === "string" ? openRound(this.#master, caller, text) : null;
    return round && round.seq > 0 && round.call === hashOf(message)
      ? { seq: round.seq, atMs: round.atMs }
      : null;
  }

  /** Binds a server's handles to the grant and server through which it gives them out. */
  bind({ team, grant }: Caller, server: ServerId, { message, decision, now }: Answered): Bind {
    const seq = (decision && decisionParts(decision)?.seq) ?? 0;
    return {
      task: (id) => bindHandle(this.#master, { team, grant, server }, "taskId", id),
      state: (state, asks) => {
        const continued = asks && seq > 0 && message !== null;
        if (state === null && !continued) return null;
        const round = {
          server,
          seq: continued ? seq : 0,
          atMs: now(),
          call: message ? hashOf(message) : "",
          state,
        };
        return bindRound(this.#master, { team, grant }, round);
      },
    };
  }

  /** Opens them again; null for what is somebody else's, or another server's. */
  open({ team, grant }: Caller, server: ServerId): Open {
    return {
      task: (text) => openHandle(this.#master, { team, grant, server }, "taskId", text),
      state: (text) => {
        const round = openRound(this.#master, { team, grant }, text);
        return round?.server === server ? { state: round.state } : null;
      },
    };
  }
}

const hashOf = ({ method, targets, argumentsText }: Message): string =>
  createHash("sha256")
    .update(JSON.stringify([method, targets, argumentsText ?? null]))
    .digest("base64url");

const badState = fault(
  "bad_params",
  "params.requestState is not what this gateway gave to this grant. Send the request again without it.",
);

const ownerOf = (caller: Caller) => ({ team: caller.team, grant: caller.grant, server: caller.serverSlug });
