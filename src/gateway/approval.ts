import { type Fault, fault } from "../fault.ts";
import type { Caller, WaitsFor } from "../gate/rpc.ts";
import type { Random } from "../id.ts";
import { fromPlain, type Json } from "../json/value.ts";
import { compactJson } from "../json/write.ts";
import { type Message, withoutState } from "../mcp/decode.ts";
import type { Awaited } from "../mcp/refuse.ts";
import type { MasterKeys } from "../upstream/aead.ts";
import { isOurs, openState, sealState } from "../upstream/request_state.ts";
import { type Session, urlElicitation } from "./session.ts";

/** How a call that needs a person is answered (policy.md §6). */
export type Way = "elicit" | "hold" | "refuse";

/** The first of the three ways that this client can take. `resumed`: its user has been sent to the page already. */
export function wayOf(
  message: Message,
  session: Session | null,
  headers: Headers,
  waitsFor: WaitsFor,
  resumed: boolean,
): Way {
  if (message.kind !== "request") return "refuse";
  if (!resumed && elicitsUrls(message, session)) return "elicit";
  const streams = /(?:^|[,\s])(?:text\/event-stream|\*\/\*)/i.test(headers.get("Accept") ?? "");
  return waitsFor.hold > 0 && streams ? "hold" : "refuse";
}

const elicitsUrls = (message: Message, session: Session | null): boolean =>
  message.era === "modern" ? message.elicitsUrls : (session?.capabilities.includes(urlElicitation) ?? false);

/** Where a person can approve: the page says how. */
export const awaitedAt = (origin: string, { id, expiresAtMs }: WaitsFor): Awaited => ({
  id,
  url: `${origin}/approvals/${id}`,
  expiresAtMs,
});

/** The text of a progress notification for this message, or null where its client asked for none. */
export function progressOf({ params }: Message): ((elapsedMs: number) => string) | null {
  const meta = params?.get("_meta");
  const token = meta instanceof Map ? meta.get("progressToken") : undefined;
  if (token === undefined) return null;
  return (elapsedMs) => {
    // Progress must only rise, and the server's own begins behind ours: so ours stays next to nothing.
    const progress = { progress: elapsedMs / 1e9, message: "Waiting for a person's approval." };
    const told: [string, Json][] = Object.entries(progress).map(([key, value]) => [key, fromPlain(value)]);
    const notification: [string, Json][] = [
      ["jsonrpc", "2.0"],
      ["method", "notifications/progress"],
      ["params", new Map([["progressToken", token], ...told])],
    ];
    return compactJson(new Map(notification));
  };
}

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
