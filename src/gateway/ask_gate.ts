import { inTime } from "../gate/deadline.ts";
import type { Admission, View } from "../gate/rpc.ts";
import type { Message } from "../mcp/decode.ts";
import type { Exchange } from "./exchange.ts";

// Whatever takes longer has failed, and what fails denies.
const gateDeadlineMs = 10_000;

/** Asks the gate to decide a message that names something. Throws where it does not answer: nothing was allowed then. */
export function admit({ gate, caller, requestId, session }: Exchange, message: Message): Promise<Admission> {
  const clientName = message.clientName ?? session?.clientName;
  return inTime(
    gate.admit(caller, {
      method: message.method,
      targets: message.targets,
      requestId,
      ...(message.argumentsText === undefined ? {} : { argumentsText: message.argumentsText }),
      ...(message.othersText === undefined ? {} : { othersText: message.othersText }),
      ...(clientName === undefined ? {} : { clientName }),
    }),
    gateDeadlineMs,
  );
}

/** The gate's view for what names nothing. A server that nobody has looked at yet is looked at before its tools are listed. */
export async function viewOf({ gate, caller, deps }: Exchange, message: Message | null): Promise<View> {
  const method = message?.kind === "response" ? null : (message?.method ?? null);
  const view = await inTime(gate.view(caller, method), gateDeadlineMs);
  if (view.effect !== "view" || !view.unpinned || method !== "tools/list") return view;
  await deps.look(caller, view.upstream);
  return inTime(gate.view(caller, method), gateDeadlineMs);
}

/** Whether a stream that was opened under `epoch` may go on. */
export const stands = async ({ gate, caller }: Exchange, epoch: number): Promise<boolean> =>
  (await inTime(gate.stands(caller, epoch), gateDeadlineMs)) !== "gone";
