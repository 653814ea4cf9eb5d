import { DurableObject } from "cloudflare:workers";
import type { DecisionEntry, Entry, LogRow, OutcomeEntry } from "../audit/entry.ts";
import { decisionId, type GrantId, type TeamId } from "../id.ts";
import { Calendar } from "../limit/calendar.ts";
import { takeAll } from "../limit/take.ts";
import { wallClock } from "../limit/zone.ts";
import { methodRule } from "../policy/method.ts";
import { limitState, listedOf, namePolicy, outcomeOf, refusalOf, upstreamOf } from "./admission.ts";
import { describeArguments, readArguments } from "./arguments.ts";
import { judge } from "./judge.ts";
import { keepSnapshot, keptSnapshot } from "./keep.ts";
import { Ledger } from "./ledger.ts";
import type { Admission, Ask, Caller, GateStub, Outcome, Standing, View } from "./rpc.ts";
import type { Snapshot } from "./snapshot.ts";
import { type Compiled, type CompiledRoute, compile, stand } from "./standing.ts";

/** What a gate needs from outside itself; `src/index.ts` fills it in. */
export interface GateDeps {
  /** The grant's snapshot from D1's primary, or null where there is no such grant. */
  readonly load: (grant: GrantId) => Promise<Snapshot | null>;
  /** Hands entries to the team's log; resolves when they are durable there. */
  readonly ship: (team: TeamId, entries: readonly Entry[]) => Promise<void>;
  /** The team's key for argument hashes. */
  readonly argumentKey: (team: TeamId) => Uint8Array;
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
const allowedMethod = { allowed: true } as const;

/**
 * The decision point and the ledger of one grant. `admit` decides in one turn: after the snapshot is at hand nothing is
 * awaited between reading the counters and writing the row, so no two calls can take the same room.
 */
export class Gate extends DurableObject<unknown> implements GateStub {
  readonly #deps: GateDeps;
  readonly #calendar: Calendar;
  readonly #ledger: Ledger;
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
    if (kept) this.#compiled = compile(kept.snapshot);
    // Spread, so that gates that wake together do not all read D1 together.
    this.#rereadAtMs = deps.now() + rereadMs * deps.random();
  }

  /** Judges a message that names something, takes its limits and writes the decision; all in one synchronous turn. */
  async admit(caller: Caller, ask: Ask): Promise<Admission> {
    const compiled = await this.#ready(caller.grant);
    if (!compiled) return { effect: "gone", because: "token" };
    const nowMs = this.#ledger.nowMs(this.#deps.now());
    const standing = stand(compiled, caller, nowMs);
    if ("gone" in standing) return { effect: "gone", because: standing.gone };
    if (this.#ledger.full) return { effect: "full" };
    return this.#decide(compiled, standing.route, ask, nowMs);
  }

  #decide(compiled: Compiled, route: CompiledRoute, ask: Ask, nowMs: number): Admission {
    const args = readArguments(ask.argumentsText);
    const judged = judge(compiled, route, ask, args, nowMs);
    const taking =
      judged.verdict === "allowed"
        ? takeAll(this.#ledger.series, judged.charges, nowMs, this.#calendar)
        : null;
    const { verdict, rule, reason } = outcomeOf(judged, taking);
    const seq = this.#ledger.nextSeq;
    const { grant, team, epoch } = compiled.snapshot;
    const entry: DecisionEntry = {
      kind: "decision",
      gate: grant.id,
      seq,
      atMs: nowMs,
      requestId: ask.requestId,
      epoch,
      member: grant.member?.id ?? null,
      server: { id: route.route.server.id, slug: route.route.server.slug },
      method: ask.method,
      target: judged.target,
      verdict,
      rule,
      reason,
      notes: judged.notes,
      policy: namePolicy(route),
      client: ask.clientName ?? null,
      ...describeArguments(args, this.#deps.argumentKey(team.id)),
      values: null,
    };
    this.#ledger.append(entry, taking?.ok ? taking.take : new Map());
    this.#wakeBy(nowMs + shipAfterMs);
    const decision = decisionId(grant.id, seq);
    const limits = (taking?.standings ?? []).map((one) => limitState(one, nowMs));
    if (verdict === "allowed")
      return { effect: "allow", epoch, decision, upstream: upstreamOf(route), limits };
    return { effect: "deny", decision, refusal: refusalOf(verdict, rule, reason, taking, nowMs), limits };
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

  /** Ships what the log does not have yet and closes calls whose end nobody told. At least once: the log drops repeats. */
  override async alarm(): Promise<void> {
    this.#alarmAtMs = null;
    const team = this.#compiled?.snapshot.team.id;
    if (!team) return;
    this.#closeOrphans();
    const batch = this.#ledger.unshipped(shipRowsMax);
    try {
      if (batch.entries.length > 0) await this.#deps.ship(team, batch.entries);
    } catch (error) {
      console.error("the team's log does not take entries", error);
      this.#wakeBy(this.#deps.now() + retryMs);
      return;
    }
    if (batch.entries.length > 0) this.#ledger.shipped(batch.seq, batch.batch);
    this.#wakeAgain();
  }

  #closeOrphans(): void {
    const nowMs = this.#ledger.nowMs(this.#deps.now());
    const grant = this.#compiled?.snapshot.grant.id;
    const orphans = this.#ledger.orphans(nowMs - orphanAfterMs);
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

  #wakeAgain(): void {
    const openMs = this.#ledger.oldestOpenMs;
    if (this.#ledger.hasUnshipped) this.#wakeBy(this.#deps.now() + shipAfterMs);
    else if (openMs !== null) this.#wakeBy(openMs + orphanAfterMs + 1);
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
    this.#planReread();
  }
}
