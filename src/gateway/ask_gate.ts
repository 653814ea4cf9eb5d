import { inTime } from "../gate/deadline.ts";
import type { Admission, Caller, Upstream, View } from "../gate/rpc.ts";
import { decisionParts } from "../id.ts";
import type { Message } from "../mcp/decode.ts";
import type { Exchange } from "./exchange.ts";

// Whatever takes longer has failed, and what fails denies.
const gateDeadlineMs = 10_000;

/**
 * Asks the gate to decide a message that names something. Throws where it does not answer, or with half an Allow: nothing
 * was allowed then.
 */
export async function admit(
  { gate, caller, requestId, session, deps, watch }: Exchange,
  message: Message,
): Promise<Admission> {
  const clientName = message.clientName ?? session?.clientName;
  const continues = deps.states.continues(message, caller);
  const admission = await inTime(
    gate.admit(caller, {
      method: message.method,
      targets: message.targets,
      requestId,
      ...(message.argumentsText === undefined ? {} : { argumentsText: message.argumentsText }),
      ...(message.othersText === undefined ? {} : { othersText: message.othersText }),
      ...(clientName === undefined ? {} : { clientName }),
      ...(continues && { continues }),
    }),
    gateDeadlineMs,
    watch.arm,
  );
  if (admission.effect === "allow" && !isAllow(admission, caller)) throw new Error("half an Allow");
  return admission;
}

/** The gate's view for what names nothing. A server that nobody has looked at yet is looked at before its tools are listed. */
export async function viewOf({ gate, caller, deps }: Exchange, message: Message | null): Promise<View> {
  const method = message?.kind === "response" ? null : (message?.method ?? null);
  const look = async () => whole(await inTime(gate.view(caller, method), gateDeadlineMs));
  const view = await look();
  if (view.effect !== "view" || !view.unpinned || method !== "tools/list") return view;
  await deps.look(caller, view.upstream);
  return look();
}

function whole(view: View): View {
  if (view.effect === "gone" || (view.effect === "view" && isView(view))) return view;
  throw new Error("half a view");
}

/** It names a decision of this very grant, and all that it takes to carry it out. */
const isAllow = (
  { decision, epoch, upstream, limits }: Extract<Admission, { effect: "allow" }>,
  { grant }: Caller,
): boolean =>
  decisionParts(decision)?.gate === grant &&
  Number.isSafeInteger(epoch) &&
  isUpstream(upstream) &&
  Array.isArray(limits);

const isView = ({ epoch, upstream, refused, listed }: Extract<View, { effect: "view" }>): boolean =>
  Number.isSafeInteger(epoch) &&
  isUpstream(upstream) &&
  refused !== undefined &&
  listed.tools instanceof Map &&
  Array.isArray(listed.resources) &&
  Array.isArray(listed.prompts);

const isUpstream = ({ serverId, url, credential, refusedRequests }: Upstream): boolean =>
  typeof serverId === "string" &&
  typeof url === "string" &&
  credential !== undefined &&
  typeof refusedRequests === "object";

/** Whether a stream that was opened under `epoch` may go on. */
export async function stands({ gate, caller }: Exchange, epoch: number): Promise<boolean> {
  const standing = await inTime(gate.stands(caller, epoch), gateDeadlineMs);
  return standing === "stands" || standing === "changed";
}
