import { DurableObject } from "cloudflare:workers";
import type { Approval, Decided, State, Vote } from "../approval/approval.ts";
import type { ControlEntry, Entry, LogRow, OutcomeEntry } from "../audit/entry.ts";
import { approvalParts, decisionId, type GrantId, type TeamId } from "../id.ts";
import { Calendar } from "../limit/calendar.ts";
import type { CounterStub, Notice } from "../limit/reservation.ts";
import { type Charge, type Taking, takeAll } from "../limit/take.ts";
import { wallClock } from "../limit/zone.ts";
import { methodRule } from "../policy/method.ts";
import {
  limitState,
  listedOf,
  mayGo,
  outcomeOf,
  refusalOf,
  together,
  upstreamOf,
  waitsFor,
} from "./admission.ts";
import { type ApprovalDeps, Approvals } from "./approvals.ts";
import { readArguments } from "./arguments.ts";
import { entryOf, type Heard } from "./decision.ts";
import { type Held, Holds } from "./hold.ts";
import { judge } from "./judge.ts";
import { keepSnapshot, keptSnapshot } from "./keep.ts";
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
import type { Snapshot } from "./snapshot.ts";
import { type Compiled, compile, stand } from "./standing.ts";
import { readUsage } from "./usage.ts";

/** What a gate needs from outside itself; `src/index.ts` fills it in. */
export interface GateDeps extends ApprovalDeps {
  /** The grant's snapshot from D1's primary, or null where there is no such grant. */
  readonly load: (grant: GrantId) => Promise<Snapshot | null>;
  /** Hands entries to the team's log; resolves when they are durable there. */
  readonly ship: (team: TeamId, entries: readonly Entry[]) => Promise<void>;
  /** The team's key for argument hashes. */
  readonly argumentKey: (team: TeamId) => Uint8Array;
  /** The team's shared counter of that series. */
  readonly counter: (team: TeamId, series: string) => CounterStub;
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

// Decisions must be in the list within 2 s of the answer (architecture.md §1): one for waiting, one for the trip.
const shipAfterMs = 1_000;
const shipRowsMax = 500;
const retryMs = 5_000;
// A stream may last 10 min (protocol.md §5); a call without an end 30 s after that is closed as `unknown`.
const orphanAfterMs = 630_000;
const rereadMs = 300_000;
// Each try is lost to an edit, or to a counter so slow that what it granted has run out.
const triesMax = 3;
const allowedMethod = { allowed: true } as const;

/**
 * The decision point and the ledger of one grant. `admit` decides in one turn: after the snapshot is at hand nothing is
 * awaited between reading the counters and writing the row, so no two calls can take the same room.
 */
export class Gate extends DurableObject<unknown> implements GateStub {
  readonly #deps: GateDeps;
  readonly #calendar: Calendar;
  readonly #ledger: Ledger;
  readonly #holds: Holds;
  readonly #approvals: Approvals;
  #compiled: Compiled | null = null;
  #loading: Promise<void> | null = null;
  #rereadAtMs = 0;
  #alarmAtMs: number | null = null;

  constructor(ctx: DurableObjectState, env: unknown, deps: GateDeps) {
    super(ctx, env);
    this.#deps = deps;
    const kept = keptSnapshot(ctx.storage);
    this.#calendar = new Calendar(wallClock, kept?.zones ?? []);
    this.#ledger = new Ledger(ctx.storage, (nowMs) => this.#calendar.bounds(nowMs));
    this.#holds = new Holds({
      counter: (series) => this.#counter(series),
      book: this.#ledger.book,
      now: () => this.#ledger.nowMs(deps.now()),
      random: deps.random,
      behind: (work) => ctx.waitUntil(work),
    });
    this.#approvals = new Approvals(ctx.storage.sql, deps);
    if (kept) this.#compiled = compile(kept.snapshot);
    // Spread, so that gates that wake together do not all read D1 together.
    this.#rereadAtMs = deps.now() + rereadMs * deps.random();
  }

  /**
   * Judges a message that names something, takes its limits and writes the decision. Shared counters are asked first; the
   * rest is one synchronous turn, which starts over where an edit came into force meanwhile.
   */
  async admit(caller: Caller, ask: Ask): Promise<Admission> {
    for (let tries = 0; tries < triesMax; tries++) {
      const compiled = await this.#ready(caller.grant);
      if (!compiled) return { effect: "gone", because: "token" };
      const heard = this.#hear(compiled, caller, ask);
      if ("effect" in heard) return heard;
      const shared = this.#toReserve(heard);
      const { zone } = compiled.snapshot.team;
      const holder = { gate: caller.grant, zone, epoch: compiled.snapshot.epoch };
      const held = shared.length > 0 ? await this.#holds.reserve(holder, shared) : [];
      const admission = this.#conclude(heard, held);
      // Whoever is told to wait for a person can rely on it that a person sees the request.
      if (admission?.effect === "deny" && admission.waitsFor) await this.#list(admission.waitsFor);
      if (admission) return admission;
    }
    throw new Error("the team is edited faster than a call can be decided");
  }

  #hear(compiled: Compiled, caller: Caller, ask: Ask): Heard | Admission {
    const nowMs = this.#ledger.nowMs(this.#deps.now());
    const standing = stand(compiled, caller, nowMs);
    if ("gone" in standing) return { effect: "gone", because: standing.gone };
    if (this.#ledger.full) return { effect: "full" };
    const args = readArguments(ask.argumentsText);
    const judged = judge(compiled, standing.route, ask, args, nowMs);
    return { compiled, caller, route: standing.route, ask, args, judged };
  }

  /** The charges to take to shared counters: none where the gate's own limits refuse already. */
  #toReserve({ judged }: Heard): Charge[] {
    const { charges } = judged;
    const shared = charges.filter((charge) => charge.shared);
    if (!mayGo(judged) || shared.length === 0) return [];
    return this.#takeOwn(charges, this.#ledger.nowMs(this.#deps.now())).ok ? shared : [];
  }

  #takeOwn(charges: readonly Charge[], nowMs: number): Taking {
    const own = charges.filter((charge) => !charge.shared);
    return takeAll(this.#ledger.book.series, own, nowMs, this.#calendar);
  }

  /** The one turn: nothing in here is awaited. Null: what was heard no longer holds, so hear again. */
  #conclude(heard: Heard, held: readonly Held[]): Admission | null {
    const { compiled, caller, route, judged } = heard;
    const nowMs = this.#ledger.nowMs(this.#deps.now());
    const standing = stand(compiled, caller, nowMs);
    const limits = mayGo(judged)
      ? together(judged.charges, this.#takeOwn(judged.charges, nowMs), held, nowMs)
      : null;
    const stale = this.#compiled !== compiled || "gone" in standing;
    if (stale || (limits?.ok && !this.#holds.usable(held))) {
      this.#holds.release(held);
      return null;
    }
    const met = limits?.ok ? this.#approvals.meet(heard, nowMs) : null;
    const { verdict, rule, reason } = outcomeOf(judged, limits, met);
    const entry = entryOf(heard, this.#ledger.nextSeq, nowMs, { verdict, rule, reason }, this.#deps);
    if (verdict === "allowed" && limits?.ok) {
      this.#ledger.append(entry, [...limits.takes, ...this.#holds.use(held)]);
      if (met?.state === "approved") this.#approvals.use(met.seq, met.approval, nowMs);
    } else {
      this.#ledger.append(entry, []);
      this.#holds.release(held);
    }
    this.#wakeBy(nowMs + shipAfterMs);
    const decision = decisionId(entry.gate, entry.seq);
    const states = (limits?.standings ?? []).flatMap((one) => limitState(one, nowMs));
    if (verdict === "allowed")
      return { effect: "allow", epoch: entry.epoch, decision, upstream: upstreamOf(route), limits: states };
    return {
      effect: "deny",
      decision,
      refusal: refusalOf(verdict, rule, reason, limits, nowMs),
      limits: states,
      waitsFor: waitsFor(met, judged),
    };
  }

  async #list({ id }: Pick<WaitsFor, "id">): Promise<void> {
    const team = this.#compiled?.snapshot.team.id;
    if (team) await this.#approvals.listOne(team, approvalParts(id)?.seq ?? 0);
  }

  /**
   * The way to the upstream for a message that names nothing, and what its lists may show. Counts nothing. `method` is null
   * for what has none: GET, DELETE and answers to the server's own requests.
   */
  async view(caller: Caller, method: string | null): Promise<View> {
    const compiled = await this.#ready(caller.grant);
    if (!compiled) return { effect: "gone", because: "token" };
    const standing = stand(compiled, caller, this.#ledger.nowMs(this.#deps.now()));
    if ("gone" in standing) return { effect: "gone", because: standing.gone };
    const { route } = standing;
    const rule = method === null ? allowedMethod : methodRule(method, compiled.team, route.policy);
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
    const grant = this.#compiled?.snapshot.grant.id;
    if (!grant) return;
    const atMs = this.#ledger.nowMs(this.#deps.now());
    this.#ledger.settle(outcomes.map((outcome) => ({ kind: "outcome", gate: grant, atMs, ...outcome })));
    this.#wakeBy(atMs + shipAfterMs);
    if (this.#ledger.book.owed.length > 0) this.ctx.waitUntil(this.#holds.giveBack());
  }

  /** Every limit of the grant's policies, as it stands now. */
  async usage(grant: GrantId): Promise<readonly LimitUsage[]> {
    const compiled = await this.#ready(grant);
    if (!compiled) return [];
    return readUsage(compiled, {
      series: this.#ledger.book.series,
      calendar: this.#calendar,
      nowMs: this.#ledger.nowMs(this.#deps.now()),
      counter: (series) => this.#counter(series),
    });
  }

  /** What became of reservations: a shared counter asks where nobody told it. */
  async resolve(ids: readonly string[]): Promise<readonly Notice[]> {
    return this.#holds.resolve(ids);
  }

  /** Whether a stream that was opened under `epoch` may go on. */
  async stands(caller: Caller, epoch: number): Promise<Standing> {
    const compiled = await this.#ready(caller.grant);
    if (!compiled || "gone" in stand(compiled, caller, this.#ledger.nowMs(this.#deps.now()))) return "gone";
    return compiled.snapshot.epoch === epoch ? "stands" : "changed";
  }

  /** Takes a pushed snapshot if it is newer than what the gate has; answers with the epoch in force. */
  async apply(snapshot: Snapshot): Promise<{ epoch: number }> {
    this.#adopt(snapshot);
    return { epoch: this.#compiled?.snapshot.epoch ?? 0 };
  }

  /** A decision that has not reached the log yet, or null. */
  async find(seq: number): Promise<LogRow | null> {
    const found = this.#ledger.find(seq);
    return found ? { n: null, id: decisionId(found.decision.gate, seq), ...found } : null;
  }

  /** An approval of this grant as it is now, with its call while it may still run; null where there is none. */
  async approval(seq: number): Promise<{ approval: Approval; held: HeldCall | null } | null> {
    const team = this.#compiled?.snapshot.team.id;
    return team ? this.#approvals.open(team, seq, this.#ledger.nowMs(this.#deps.now())) : null;
  }

  /** How an approval stands: cheap, for a call that is held and asks again and again. */
  async approvalState(seq: number): Promise<State | null> {
    return this.#approvals.state(seq, this.#ledger.nowMs(this.#deps.now()));
  }

  /** Counts a person's word. Whether they may have one is for the caller to know: the control plane. */
  async decide(
    seq: number,
    word: "approve" | "refuse",
    vote: Omit<Vote, "atMs">,
    event: ControlEntry,
  ): Promise<Decided | null> {
    const nowMs = this.#ledger.nowMs(this.#deps.now());
    const decided = this.#approvals.decide(seq, word, { ...vote, atMs: nowMs }, event);
    if (decided?.ok) {
      this.#wakeBy(nowMs + shipAfterMs);
      await this.#list(decided.approval).catch((error) => console.error("the inbox does not answer", error));
    }
    return decided;
  }

  /** Ships what the log does not have yet and closes calls whose end nobody told. At least once: the log drops repeats. */
  override async alarm(): Promise<void> {
    this.#alarmAtMs = null;
    const team = this.#compiled?.snapshot.team.id;
    if (!team) return;
    this.#closeOrphans();
    const allBack = await this.#holds.giveBack();
    this.#approvals.expire(this.#ledger.nowMs(this.#deps.now()));
    const batch = this.#ledger.unshipped(shipRowsMax);
    try {
      if (batch.entries.length > 0) await this.#deps.ship(team, batch.entries);
      await this.#approvals.listAll(team, this.#deps.now());
    } catch (error) {
      console.error("the team's log does not take entries", error);
      this.#wakeBy(this.#deps.now() + retryMs);
      return;
    }
    if (batch.entries.length > 0) this.#ledger.shipped(batch.seq, batch.batch);
    await this.#announce(team);
    if (!allBack) this.#wakeBy(this.#deps.now() + retryMs);
    this.#wakeAgain();
  }

  /** D1 may be away while the log is not: then the webhooks wait, and nothing else does. */
  async #announce(team: TeamId): Promise<void> {
    try {
      await this.#approvals.announce(team);
    } catch (error) {
      console.error("webhooks cannot be told yet", error);
      this.#wakeBy(this.#deps.now() + retryMs);
    }
  }

  #closeOrphans(): void {
    const nowMs = this.#ledger.nowMs(this.#deps.now());
    const grant = this.#compiled?.snapshot.grant.id;
    const orphans = this.#ledger.book.orphans(nowMs - orphanAfterMs);
    if (!grant || orphans.length === 0) return;
    const outcome = (seq: number): OutcomeEntry => ({
      kind: "outcome",
      gate: grant,
      seq,
      atMs: nowMs,
      end: "unknown",
      status: null,
      bytes: 0,
      ms: orphanAfterMs,
    });
    this.#ledger.settle(orphans.map(outcome));
  }

  #counter(series: string): CounterStub {
    const team = this.#compiled?.snapshot.team.id;
    if (!team) throw new Error("a gate without a team counts nothing");
    return this.#deps.counter(team, series);
  }

  #wakeAgain(): void {
    const openMs = this.#ledger.book.oldestOpenMs;
    const expiryMs = this.#approvals.nextExpiryMs;
    const waiting = this.#ledger.hasUnshipped || this.#approvals.hasUnlisted;
    if (waiting) this.#wakeBy(this.#deps.now() + shipAfterMs);
    if (openMs !== null) this.#wakeBy(openMs + orphanAfterMs + 1);
    if (expiryMs !== null) this.#wakeBy(expiryMs);
  }

  #wakeBy(atMs: number): void {
    if (this.#alarmAtMs !== null && this.#alarmAtMs <= atMs) return;
    this.#alarmAtMs = atMs;
    // Not awaited: the output gate holds every answer until this write is durable too.
    void this.ctx.storage.setAlarm(atMs);
  }

  async #ready(grant: GrantId): Promise<Compiled | null> {
    if (!this.#compiled) {
      this.#loading ??= this.#reread(grant).finally(() => {
        this.#loading = null;
      });
      await this.#loading;
    } else if (this.#deps.now() >= this.#rereadAtMs) {
      // Behind the answer: a D1 that is down stops edits, not calls.
      this.#planReread();
      this.ctx.waitUntil(this.#reread(grant).catch((error) => console.error("a gate cannot re-read", error)));
    }
    return this.#compiled;
  }

  async #reread(grant: GrantId): Promise<void> {
    const snapshot = await this.#deps.load(grant);
    if (snapshot) this.#adopt(snapshot);
  }

  #planReread(): void {
    this.#rereadAtMs = this.#deps.now() + rereadMs * (0.8 + 0.4 * this.#deps.random());
  }

  #adopt(snapshot: Snapshot): void {
    if (this.#compiled && snapshot.epoch <= this.#compiled.snapshot.epoch) return;
    this.#calendar.turnTo(snapshot.team.zone, this.#ledger.nowMs(this.#deps.now()));
    keepSnapshot(this.ctx.storage, { snapshot, zones: this.#calendar.zones });
    this.#compiled = compile(snapshot);
    this.#approvals.sweep(this.#compiled, this.#ledger.nowMs(this.#deps.now()));
    this.#wakeAgain();
    this.#planReread();
  }
}
