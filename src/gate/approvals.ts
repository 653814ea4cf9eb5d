import {
  type Approval,
  annul,
  approve,
  ask,
  asOf,
  type Decided,
  refuse,
  type State,
  strictest,
  use,
  type Vote,
} from "../approval/approval.ts";
import { voidness } from "../approval/basis.ts";
import { fingerprint } from "../approval/fingerprint.ts";
import type { ControlEntry, Shipment } from "../audit/entry.ts";
import { approvalId, approvalParts, type TeamId } from "../id.ts";
import type { Obligation } from "../policy/evaluate.ts";
import { ApprovalBook } from "./approval_book.ts";
import { basisOf, groundOf } from "./approval_ground.ts";
import { canonicalArguments } from "./arguments.ts";
import type { Heard } from "./decision.ts";
import type { Notice } from "./notice.ts";
import type { HeldCall } from "./rpc.ts";
import type { Compiled } from "./standing.ts";

export type ApproveDuty = Extract<Obligation, { type: "approve" }>;

/** What approvals need from outside. */
export interface ApprovalDeps {
  /** Makes the team's inbox show these; resolves when it does. */
  readonly list: (team: TeamId, approvals: readonly Approval[]) => Promise<void>;
  readonly ship: (team: TeamId, shipment: Shipment) => Promise<void>;
  /** Puts notices before the team's webhooks; resolves when they cannot be lost any more. */
  readonly announce: (team: TeamId, notices: readonly Notice[]) => Promise<void>;
  /** Seals and opens a call that waits, without a promise. `open` gives null for what does not open. */
  readonly seal: (team: TeamId, id: string, plaintext: string) => string;
  readonly open: (team: TeamId, id: string, sealed: string) => string | null;
}

/** How a call meets its approval: only `approved` may go on, and whoever lets it go on uses it up in the same turn. */
export type Met =
  | { readonly state: "approved" | "pending" | "refused"; readonly seq: number; readonly approval: Approval }
  | { readonly state: "crowded" };

// Each holds its arguments, and a person can read only so many: an agent that asks on and on is told to wait.
const liveMax = 100;
const listedTogether = 100;

/** The approvals of one grant. All but `list` is synchronous, so that it can be part of the gate's one turn. */
export class Approvals {
  readonly #book: ApprovalBook;
  readonly #deps: ApprovalDeps;

  constructor(sql: SqlStorage, deps: ApprovalDeps) {
    this.#book = new ApprovalBook(sql);
    this.#deps = deps;
  }

  /**
   * The approval of exactly this call: one that was given, one that is waited for, or a new request. Null where no rule
   * wants one.
   */
  meet(heard: Heard, nowMs: number): Met | null {
    const { compiled, route, ask: asked, args, judged } = heard;
    if (judged.verdict !== "approval_required") return null;
    const { grant } = compiled.snapshot;
    const basis = basisOf(compiled, route, asked, args);
    const print = fingerprint({
      grant: grant.id,
      method: asked.method,
      targets: asked.targets,
      arguments: canonicalArguments(asked.argumentsText),
      others: canonicalArguments(asked.othersText),
      basis,
    });
    this.expire(nowMs);
    const last = this.#book.last(print);
    const state = last && standing(last.approval, nowMs);
    if (last && state) return { ...last, state };
    if (this.#book.liveCount >= liveMax) return { state: "crowded" };
    const seq = this.#book.nextSeq;
    const approval = newApproval(heard, approvalId(grant.id, seq), print, nowMs);
    const held: HeldCall = { arguments: asked.argumentsText ?? null, others: asked.othersText ?? null };
    const sealed = this.#deps.seal(compiled.snapshot.team.id, approval.id, JSON.stringify(held));
    this.#book.add(seq, approval, basis, sealed);
    this.#book.addNotice({ event: "approval.requested", atMs: nowMs, approval });
    return { state: "pending", seq, approval };
  }

  /** Uses an approval up, in the same turn as the decision that lets its call through. */
  use(seq: number, approval: Approval, nowMs: number): void {
    this.#book.save(seq, use(approval, nowMs));
  }

  /** Counts a person's word; `event` is kept for the log where it did something. */
  decide(seq: number, word: "approve" | "refuse", vote: Vote, event: ControlEntry): Decided | null {
    const kept = this.#book.find(seq);
    if (!kept) return null;
    const decided = (word === "approve" ? approve : refuse)(kept.approval, vote);
    if (!decided.ok) return decided;
    this.#book.save(seq, decided.approval);
    this.#book.addEvent(event);
    const { state } = decided.approval;
    if (state === "approved" || state === "refused")
      this.#book.addNotice({ event: `approval.${state}`, atMs: vote.atMs, approval: decided.approval });
    return decided;
  }

  /** One approval as it is now, with its call while it is live. */
  open(team: TeamId, seq: number, nowMs: number): { approval: Approval; held: HeldCall | null } | null {
    const kept = this.#book.find(seq);
    if (!kept) return null;
    const approval = asOf(kept.approval, nowMs);
    const sealed = approval === kept.approval ? kept.sealed : null;
    const text = sealed === null ? null : this.#deps.open(team, approval.id, sealed);
    return { approval, held: text === null ? null : (JSON.parse(text) as HeldCall) };
  }

  state(seq: number, nowMs: number): State | null {
    const kept = this.#book.find(seq);
    return kept ? asOf(kept.approval, nowMs).state : null;
  }

  /** Ends what a new snapshot voids: an edited policy, a changed tool, a freeze, a revoked grant. */
  sweep(compiled: Compiled, nowMs: number): void {
    const live = this.#book.live();
    if (live.length === 0) return;
    const ground = groundOf(compiled);
    for (const { seq, approval, basis } of live) {
      const why = voidness(basis, ground);
      if (why) this.#book.save(seq, annul(approval, why, nowMs));
    }
  }

  /** Ends those whose time is up, and forgets their calls. */
  expire(nowMs: number): void {
    for (const { seq, approval } of this.#book.overdue(nowMs)) this.#book.save(seq, asOf(approval, nowMs));
  }

  get nextExpiryMs(): number | null {
    return this.#book.nextExpiryMs;
  }

  get hasUnlisted(): boolean {
    return this.#book.unlisted(1).length > 0 || this.#book.events(1).items.length > 0;
  }

  /** Tells the inbox of one approval, if it has not heard of its newest state. Throws where the inbox does not answer. */
  async listOne(team: TeamId, seq: number): Promise<void> {
    await this.#list(team, this.#book.unlisted(1, seq));
  }

  /** Tells the inbox and the log what they have not heard, and forgets what ended long ago. */
  async listAll(team: TeamId, nowMs: number): Promise<void> {
    await this.#list(team, this.#book.unlisted(listedTogether));
    const events = this.#book.events(listedTogether);
    if (events.items.length > 0) await this.#deps.ship(team, { calls: [], others: events.items });
    this.#book.dropEvents(events.upTo);
    this.#book.forget(nowMs);
  }

  /** Puts what happened before the team's webhooks. Throws where that cannot be done now. */
  async announce(team: TeamId): Promise<void> {
    for (;;) {
      const { upTo, items } = this.#book.notices(listedTogether);
      if (items.length === 0) return;
      await this.#deps.announce(team, items);
      this.#book.dropNotices(upTo);
    }
  }

  async #list(team: TeamId, approvals: readonly Approval[]): Promise<void> {
    if (approvals.length === 0) return;
    await this.#deps.list(team, approvals);
    for (const { id, version } of approvals) this.#book.listed(approvalParts(id)?.seq ?? 0, version);
  }
}

/** What the last request for the same call says of this one; null where it says nothing any more. */
function standing(last: Approval, nowMs: number): "approved" | "pending" | "refused" | null {
  const { state } = asOf(last, nowMs);
  switch (state) {
    case "approved":
    case "pending":
      return state;
    case "refused":
      // A no holds as long as the question would have: asking again at once must not wear people down.
      return nowMs < last.expiresAtMs ? "refused" : null;
    default:
      return null;
  }
}

function newApproval(
  { compiled, route, ask: asked, judged: { asks } }: Heard,
  id: Approval["id"],
  print: string,
  nowMs: number,
): Approval {
  const [first, ...others] = asks;
  if (!first) throw new Error("a call needs a person, and no rule says whom");
  const { id: server, slug } = route.route.server;
  return ask(
    {
      id,
      grant: compiled.snapshot.grant.id,
      server: { id: server, slug },
      method: asked.method,
      targets: asked.targets,
      fingerprint: print,
      rule: first.rule,
      reason: [...new Set(asks.map(({ reason }) => reason))].join(" "),
      client: asked.clientName ?? null,
      atMs: nowMs,
    },
    strictest(first, ...others),
  );
}
