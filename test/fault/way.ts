import { vi } from "vitest";
import type { Gate } from "../../src/gate/gate.ts";
import type { GateStub } from "../../src/gate/rpc.ts";
import { serve } from "../../src/gateway/pipeline.ts";
import { type Parts, wake, wholeParts } from "./parts.ts";
import type { Asked, Setting } from "./setting.ts";

/** What came of it. */
export interface Came {
  /** What the upstream has seen. */
  readonly sent: readonly string[];
  readonly status: number;
  readonly text: string;
  /** How far the timers had to be wound on before there was an answer. */
  readonly waitedMs: number;
}

const realSleep = setTimeout;
const breathe = (ms: number) => new Promise<void>((done) => realSleep(done, ms));

/** What is read of a stream that the gateway broke off. */
export const brokenOff = "(broken off)";

/** No answer may take longer than this, whatever hangs. */
export const boundedMs = 15_000;

/** The whole way of a call, over a gate with a storage of its own. */
export class Way {
  readonly parts: Parts;
  readonly #setting: Setting;
  readonly #state: DurableObjectState;
  readonly #sent: string[];
  #gate: Gate | null = null;

  private constructor(
    setting: Setting,
    state: DurableObjectState,
    parts: Omit<Parts, "stub">,
    sent: string[],
  ) {
    this.#setting = setting;
    this.#state = state;
    this.#sent = sent;
    const stub: Parts["stub"] = {
      admit: (caller, ask) => this.gate.admit(caller, ask),
      view: (caller, method) => this.gate.view(caller, method),
      settle: (outcomes) => this.gate.settle(outcomes),
      stands: (caller, epoch) => this.gate.stands(caller, epoch),
      approvalState: (seq) => this.gate.approvalState(seq),
    };
    this.parts = Object.assign(parts, { stub });
    this.parts.worker.gate = () => stub as GateStub;
  }

  static async over(setting: Setting, state: DurableObjectState): Promise<Way> {
    const sent: string[] = [];
    return new Way(setting, state, await wholeParts(setting.caller.team, state.storage, sent), sent);
  }

  /** The gate over what is in the storage; one that is made anew is one that was evicted. */
  get gate(): Gate {
    this.#gate ??= wake(this.#state, this.parts);
    return this.#gate;
  }

  evict(): void {
    this.#gate = null;
  }

  /** Sends one message, and winds the timers on until there is an answer. */
  ask(asked: Asked): Promise<Came> {
    return this.#ask(asked, 300);
  }

  /** The same for a message that is to go through: however slow this machine is, no deadline passes meanwhile. */
  askPatiently(asked: Asked): Promise<Came> {
    return this.#ask(asked, 10_000);
  }

  async #ask(asked: Asked, patienceMs: number): Promise<Came> {
    const before = this.#sent.length;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
    try {
      const answer = serve(this.#setting.request(asked), this.parts.worker).catch(() => thrown());
      const { value, waitedMs } = await wound(answer.then(read), patienceMs);
      return { ...value, sent: this.#sent.slice(before), waitedMs };
    } finally {
      vi.useRealTimers();
    }
  }

  /** How many calls the gate's own record says it let through. */
  get allowed(): number {
    const { sql } = this.#state.storage;
    const tables = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'decision'").toArray();
    if (tables.length === 0) return 0;
    const rows = `SELECT count(*) AS n FROM decision WHERE json_extract(body, '$.verdict') = 'allowed'`;
    return sql.exec<{ n: number }>(rows).one().n;
  }
}

/** What the Worker answers where even the pipeline throws (`src/index.ts`). */
const thrown = (): Response => Response.json({ code: "misconfigured", detail: "It threw." }, { status: 500 });

async function read(answer: Response): Promise<{ status: number; text: string }> {
  return { status: answer.status, text: await answer.text().catch(() => brokenOff) };
}

/** Lets real work go on, and winds the timers on only while nothing else moves. */
async function wound<T>(work: Promise<T>, patienceMs: number): Promise<{ value: T; waitedMs: number }> {
  let done = false;
  void work.finally(() => {
    done = true;
  });
  for (let i = 0; i < patienceMs / 5 && !done; i++) await breathe(5);
  let waitedMs = 0;
  for (; !done && waitedMs < 4 * boundedMs; waitedMs += 500) {
    await vi.advanceTimersByTimeAsync(500);
    await breathe(1);
  }
  if (!done) throw new Error(`no answer within ${waitedMs} ms`);
  return { value: await work, waitedMs };
}
