import { env } from "cloudflare:test";
import { vi } from "vitest";
import type { Admission, GateStub } from "../../src/gate/rpc.ts";
import { Settlements } from "../../src/gateway/settlement.ts";
import type { GrantId } from "../../src/id.ts";
import { AgentCalls } from "../api/agent_calls.ts";
import { ControlPlane, seenTool } from "../api/control_plane.ts";
import { TeamSetting } from "../api/team_setting.ts";
import type { Bill, Meter } from "./cost_meter.ts";
import { seqOf } from "./team_of_gates.ts";

/** What is measured: one call, or whatever counts as one. */
export type Act = (traffic: Traffic) => Promise<void>;

const upstreamMs = 50;
/** Longer than it takes until the log has sealed what made the team. */
const restMs = 120_000;
const tickMs = 50;

/** An agent's calls on the real objects, in a time of our own: alarms and flushes come when it gets there. */
export class Traffic {
  readonly #meter: Meter;
  readonly #settlements = new Settlements();
  readonly #ends: Promise<void>[] = [];
  #team!: TeamSetting;
  #agent!: AgentCalls;
  #grant!: GrantId;
  #n = 0;

  private constructor(meter: Meter) {
    this.#meter = meter;
  }

  /** A new team with a rule for its tool `pay`, and this many grants; the first of them is the agent's. */
  static async on(meter: Meter, rule: unknown, grants = 1): Promise<Traffic> {
    meter.forget();
    const traffic = new Traffic(meter);
    const plane = await ControlPlane.start();
    const team = await TeamSetting.on(plane);
    await team.server("Tools", [seenTool("pay", { category: "Financial", level: "high" })]);
    await team.policy("tools", "Rule", { version: "1", default: "deny", tools: { pay: rule } });
    const made = await team.grant("tools", "rule", { member: team.person.id });
    for (let more = 1; more < grants; more++) await team.grant("tools", "rule");
    traffic.#team = team;
    traffic.#agent = new AgentCalls(team, made);
    traffic.#grant = made.id;
    return traffic;
  }

  /** Acts again and again, `everyMs` apart, until all of it has come to rest; the bill of all but the first. */
  async run(act: Act, times: number, everyMs: number): Promise<Bill> {
    await act(this);
    await this.pass(restMs);
    await this.#meter.bill();
    for (let i = 0; i < times; i++) {
      const nextMs = Date.now() + everyMs;
      await act(this);
      await this.pass(Math.max(0, nextMs - Date.now()));
    }
    await this.pass(restMs);
    await Promise.all(this.#ends);
    return this.#meter.bill();
  }

  /** A tool call, and its end where it was let through. */
  async call(args: unknown = { amount: this.#n++ }): Promise<Admission> {
    const admission = await this.#agent.call("tools", "pay", args);
    if (admission.effect === "allow") {
      await this.pass(upstreamMs);
      const gate = env.GATES.get(env.GATES.idFromName(this.#grant)) as unknown as GateStub;
      const seq = seqOf(admission.decision);
      const outcome = { seq, end: "answered" as const, status: 200, bytes: 512, ms: upstreamMs };
      this.#ends.push(this.#settlements.add(this.#grant, gate, outcome));
    }
    return admission;
  }

  /** Asks for the list of tools. */
  async list(): Promise<void> {
    await this.#agent.view("tools", "tools/list");
  }

  /** A person approves what waits. */
  async approve(id: string): Promise<void> {
    await this.#team.must(200, "POST", `/approvals/${id}/approve`, {});
  }

  /** A person saves the policy anew. */
  async edit(): Promise<void> {
    const document = { version: "1", default: "deny", tools: { [`pay_${this.#n++}`]: {} } };
    await this.#team.must(200, "PUT", "/servers/tools/policies/rule", { document });
  }

  /** Lets time pass. What falls due meanwhile happens at its time. */
  async pass(ms: number): Promise<void> {
    const untilMs = Date.now() + ms;
    for (;;) {
      // A timer is a flush of ends that waits: it may set an alarm, so go slowly.
      const stepMs = vi.getTimerCount() > 0 ? tickMs : untilMs;
      const nextMs = Math.min(untilMs, Date.now() + stepMs, this.#meter.nextAlarmMs ?? untilMs);
      await vi.advanceTimersByTimeAsync(Math.max(0, nextMs - Date.now()));
      await this.#meter.runAlarms(nextMs);
      if (nextMs >= untilMs) return;
    }
  }
}
