import { DurableObject } from "cloudflare:workers";
import type { Approval, Decided, State, Vote } from "../approval/approval.ts";
import type { ControlEntry, LogRow } from "../audit/entry.ts";
import { outcomeOf } from "../audit/entry_text.ts";
import { approvalParts, decisionId, type GrantId, type TeamId } from "../id.ts";
import { Calendar } from "../limit/calendar.ts";
import type { CounterStub, Notice } from "../limit/reservation.ts";
import { wallClock } from "../limit/zone.ts";
import { type MethodRule, methodRule } from "../policy/method.ts";
import { listedOf, upstreamOf } from "./admission.ts";
import { type ApprovalDeps, Approvals } from "./approvals.ts";
import { Holds } from "./hold.ts";
import { InForce, type InForceDeps } from "./in_force.ts";
import { keptSnapshot } from "./keep.ts";
import { Ledger } from "./ledger.ts";
import type {
  Admission,
  Ask,
  Caller,
  GateStub,
  HeldCall,
  LimitUsage,
  Outcome,
  Standing,
  View,
  WaitsFor,
} from "./rpc.ts";
import { Shipping, type ShippingParts } from "./shipping.ts";
import type { Snapshot } from "./snapshot.ts";
import { type Compiled, type CompiledRoute, stand, teamUnreadable } from "./standing.ts";
import { Turn, type TurnParts } from "./turn.ts";
import { readUsage } from "./usage.ts";

/** What a gate needs from outside itself; `worker/objects.ts` fills it in. */
export interface GateDeps extends ApprovalDeps, InForceDeps, Pick<TurnParts, "argumentKey"> {
  readonly ship: ShippingParts["ship"];
  /** The team's shared counter of that series. */
  readonly counter: (team: TeamId, series: string) => CounterStub;
  readonly now: () => number;
}

// Each try is lost to an edit, or to a counter so slow that what it granted has run out.
const triesMax = 3;

/** Whether what names nothing may pass. What has no method passes wherever anything does. */
function ruleOf(
  method: string | null,
  { team, teamBroken }: Compiled,
  { policy }: CompiledRoute,
): MethodRule {
  if (teamBroken) return teamUnreadable;
  return method === null ? { allowed: true } : methodRule(method, team, policy);
}

/** The decision point and the ledger of one grant, as the Worker and the control plane call it. */
export class Gate extends DurableObject<unknown> implements GateStub {
  readonly #deps: GateDeps;
  readonly #calendar: Calendar;
  readonly #ledger: Ledger;
  readonly #inForce: InForce;
  readonly #holds: Holds;
  readonly #approvals: Approvals;
  readonly #turn: Turn;
  readonly #shipping: Shipping;

  constructor(ctx: DurableObjectState, env: unknown, deps: GateDeps) {
    super(ctx, env);
    const { storage } = ctx;
    const kept = keptSnapshot(storage);
    const calendar = new Calendar(wallClock, kept?.zones ?? []);
    const ledger = new Ledger(storage, (nowMs) => calendar.bounds(nowMs));
    const nowMs = () => ledger.nowMs(deps.now());
    const approvals = new Approvals(storage.sql, deps);
    const holds = new Holds({
      counter: (series) => this.#counter(series),
      book: ledger.book,
      now: nowMs,
      random: deps.random,
      behind: (work) => ctx.waitUntil(work),
    });
    const inForce = new InForce(
      {
        ctx,
        calendar,
        nowMs,
        adopted: (compiled) => {
          approvals.sweep(compiled, nowMs());
          shipping.plan();
        },
      },
      deps,
      kept?.snapshot ?? null,
    );
    const parts = { storage, inForce, calendar, ledger, holds, approvals, nowMs };
    const shipping = new Shipping({ ...parts, ship: deps.ship });
    this.#deps = deps;
    this.#calendar = calendar;
    this.#ledger = ledger;
    this.#inForce = inForce;
    this.#holds = holds;
    this.#approvals = approvals;
    this.#turn = new Turn({ ...parts, argumentKey: deps.argumentKey });
    this.#shipping = shipping;
  }

  /**
   * Judges a message that names something, takes its limits and writes the decision. Shared counters are asked first; the
   * rest is one synchronous turn, which starts over where an edit came into force meanwhile.
   */
  async admit(caller: Caller, ask: Ask): Promise<Admission> {
    for (let tries = 0; tries < triesMax; tries++) {
      const compiled = await this.#inForce.ready(caller.grant);
      if (!compiled) return { effect: "gone", because: "token" };
      const heard = this.#turn.hear(compiled, caller, ask);
      if ("effect" in heard) return heard;
      const shared = this.#turn.toReserve(heard);
      const { zone } = compiled.snapshot.team;
      const holder = { gate: caller.grant, zone, epoch: compiled.snapshot.epoch };
      const held = shared.length > 0 ? await this.#holds.reserve(holder, shared) : [];
      const admission = this.#turn.conclude(heard, held);
      if (!admission) continue;
      this.#shipping.soon();
      // Whoever is told to wait for a person can rely on it that a person sees the request.
      if (admission.effect === "deny" && admission.waitsFor) await this.#list(admission.waitsFor);
      return admission;
    }
    throw new Error("the team is edited faster than a call can be decided");
  }

  async #list({ id }: Pick<WaitsFor, "id">): Promise<void> {
    const team = this.#inForce.team;
    if (team) await this.#approvals.listOne(team, approvalParts(id)?.seq ?? 0);
  }

  /**
   * The way to the upstream for a message that names nothing, and what its lists may show. Counts nothing. `method` is null
   * for what has none: GET, DELETE and answers to the server's own requests.
   */
  async view(caller: Caller, method: string | null): Promise<View> {
    const compiled = await this.#inForce.ready(caller.grant);
    if (!compiled) return { effect: "gone", because: "token" };
    const standing = stand(compiled, caller, this.#nowMs);
    if ("gone" in standing) return { effect: "gone", because: standing.gone };
    const { route } = standing;
    const rule = ruleOf(method, compiled, route);
    return {
      effect: "view",
      epoch: compiled.snapshot.epoch,
      upstream: upstreamOf(route),
      refused: rule.allowed
        ? null
        : { outcome: "denied", rule: rule.rule, reason: rule.reason, retryAfterMs: null },
      listed: listedOf(compiled, route),
      unpinned: route.route.unpinned,
    };
  }

  /** Writes how allowed calls ended. What was ended before is passed over. */
  async settle(outcomes: readonly Outcome[]): Promise<void> {
    const grant = this.#inForce.compiled?.snapshot.grant.id;
    if (!grant) return;
    const atMs = this.#nowMs;
    this.#ledger.settle(
      outcomes.map(({ seq, ...ending }) => outcomeOf({ gate: grant, seq }, { atMs, ...ending })),
    );
    this.#shipping.soon();
    if (this.#ledger.book.owed.length > 0) this.ctx.waitUntil(this.#holds.giveBack());
  }

  /** Every limit of the grant's policies, as it stands now. */
  async usage(grant: GrantId): Promise<readonly LimitUsage[]> {
    const compiled = await this.#inForce.ready(grant);
    if (!compiled) return [];
    return readUsage(compiled, {
      series: this.#ledger.book.series,
      calendar: this.#calendar,
      nowMs: this.#nowMs,
      counter: (series) => this.#counter(series),
    });
  }

  /** What became of reservations: a shared counter asks where nobody told it. */
  async resolve(ids: readonly string[]): Promise<readonly Notice[]> {
    return this.#holds.resolve(ids);
  }

  /** Whether a stream that was opened under `epoch` may go on. */
  async stands(caller: Caller, epoch: number): Promise<Standing> {
    const compiled = await this.#inForce.ready(caller.grant);
    if (!compiled || "gone" in stand(compiled, caller, this.#nowMs)) return "gone";
    return compiled.snapshot.epoch === epoch ? "stands" : "changed";
  }

  /** Takes a pushed snapshot if it is newer than what the gate has; `epoch` as `InForce.adopt` answers. */
  async apply(snapshot: Snapshot): Promise<{ epoch: number }> {
    return { epoch: this.#inForce.adopt(snapshot) };
  }

  /** Empties the gate of a grant that is revoked and deleted. What is left in memory says revoked, so it denies. */
  async forget(): Promise<void> {
    await this.ctx.storage.deleteAll();
  }

  /** A decision that has not reached the log yet, or null. */
  async find(seq: number): Promise<LogRow | null> {
    const found = this.#ledger.find(seq);
    return found ? { n: null, id: decisionId(found.decision.gate, seq), ...found } : null;
  }

  /** An approval of this grant as it is now, with its call while it may still run; null where there is none. */
  async approval(seq: number): Promise<{ approval: Approval; held: HeldCall | null } | null> {
    const team = this.#inForce.team;
    return team ? this.#approvals.open(team, seq, this.#nowMs) : null;
  }

  /** How an approval stands: cheap, for a call that is held and asks again and again. */
  async approvalState(seq: number): Promise<State | null> {
    return this.#approvals.state(seq, this.#nowMs);
  }

  /** Counts a person's word. Whether they may have one is for the caller to know: the control plane. */
  async decide(
    seq: number,
    word: "approve" | "refuse",
    vote: Omit<Vote, "atMs">,
    event: ControlEntry,
  ): Promise<Decided | null> {
    const decided = this.#approvals.decide(seq, word, { ...vote, atMs: this.#nowMs }, event);
    if (decided?.ok) {
      this.#shipping.soon();
      await this.#list(decided.approval).catch((error) => console.error("the inbox does not answer", error));
    }
    return decided;
  }

  override alarm(): Promise<void> {
    return this.#shipping.run();
  }

  get #nowMs(): number {
    return this.#ledger.nowMs(this.#deps.now());
  }

  #counter(series: string): CounterStub {
    const team = this.#inForce.team;
    if (!team) throw new Error("a gate without a team counts nothing");
    return this.#deps.counter(team, series);
  }
}
