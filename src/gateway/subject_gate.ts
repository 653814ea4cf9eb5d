import type { State } from "../approval/approval.ts";
import { type Fault, isFault } from "../fault.ts";
import type { Admission, Ask, Caller, GateStub, Gone, Outcome, Standing, View } from "../gate/rpc.ts";
import type { SubjectBearer } from "../identity/team_issuers.ts";

/** What a request asks of its grant's gate. */
export type AskedGate = Pick<GateStub, "admit" | "view" | "settle" | "stands" | "approvalState">;

/** How a subject's token is looked at once more. */
export interface SecondLook {
  /** Reads it again, by the team's identity as it is now. */
  readonly again: () => Promise<SubjectBearer | Fault | null>;
  /** Forgets what is remembered of it. */
  readonly doubt: () => void;
}

/**
 * A subject's gate. Where it says that the grant does not say yet what the token's claims say, or that the team's
 * identity is another by now, the token is read again and the gate asked once more: nothing was decided until then.
 */
export class SubjectGate implements AskedGate {
  readonly #gate: AskedGate;
  readonly #look: SecondLook;
  #known: SubjectBearer;

  constructor(gate: AskedGate, known: SubjectBearer, look: SecondLook) {
    this.#gate = gate;
    this.#known = known;
    this.#look = look;
  }

  admit(caller: Caller, ask: Ask): Promise<Admission> {
    return this.#asked(() => this.#gate.admit(this.#by(caller), ask), goneIn);
  }

  view(caller: Caller, method: string | null): Promise<View> {
    return this.#asked(() => this.#gate.view(this.#by(caller), method), goneIn);
  }

  stands(caller: Caller, epoch: number): Promise<Standing> {
    // A stream's gate does not say why it is gone.
    return this.#asked(
      () => this.#gate.stands(this.#by(caller), epoch),
      (standing) => (standing === "gone" ? "mapping" : null),
    );
  }

  settle(outcomes: readonly Outcome[]): Promise<void> {
    return this.#gate.settle(outcomes);
  }

  approvalState(seq: number): Promise<State | null> {
    return this.#gate.approvalState(seq);
  }

  async #asked<T>(ask: () => Promise<T>, whyGone: (answer: T) => Gone | null): Promise<T> {
    const answer = await ask();
    const why = whyGone(answer);
    if (why === "token") this.#look.doubt();
    if (why !== "mapping") return answer;
    const found = await this.#look.again();
    // Another grant is another request's: this one has begun with its own.
    if (!found || isFault(found) || found.grant !== this.#known.grant) return answer;
    this.#known = found;
    return ask();
  }

  #by = (caller: Caller): Caller => ({ ...caller, bearer: this.#known.bearer });
}

const goneIn = (answer: Admission | View): Gone | null => (answer.effect === "gone" ? answer.because : null);
