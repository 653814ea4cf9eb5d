import type { Calendar } from "../limit/calendar.ts";
import type { CounterStub } from "../limit/reservation.ts";
import type { Series } from "../limit/series.ts";
import type { Charge } from "../limit/take.ts";
import { type Cap, type Reading, readWindow } from "../limit/window.ts";
import type { Policy } from "../policy/document.ts";
import { type Count, toCharge } from "./charge.ts";
import type { LimitUsage } from "./rpc.ts";
import type { Compiled } from "./standing.ts";

/** What a gate reads its usage from. */
export interface UsageDeps {
  readonly series: ReadonlyMap<string, Series>;
  readonly calendar: Calendar;
  readonly nowMs: number;
  readonly counter: (series: string) => CounterStub;
}

interface Watched {
  readonly server: string | null;
  readonly limit: Count;
  readonly charge: Charge;
}

/** Every limit of the grant's policies as it stands now, the team's first. Throws where a shared counter does not answer. */
export async function readUsage(compiled: Compiled, deps: UsageDeps): Promise<LimitUsage[]> {
  const watched = watchedOf(compiled);
  const shared = Map.groupBy(
    watched.filter(({ charge }) => charge.shared),
    ({ charge }) => charge.series,
  );
  const { zone } = compiled.snapshot.team;
  const readings = new Map<Charge, Reading>();
  const asked = [...shared].map(async ([series, all]) => {
    const caps = all.map(({ charge: { windowMs, unit, max } }): Cap => ({ windowMs, unit, max }));
    const { atMs, before } = await deps.counter(series).read(caps, zone);
    for (const [i, { charge }] of all.entries()) {
      const reading = before[i];
      if (reading) readings.set(charge, here(reading, deps.nowMs - atMs));
    }
  });
  await Promise.all(asked);
  return watched.map((one) => show(one, readings.get(one.charge) ?? ownReading(one.charge, deps)));
}

const here = (reading: Reading, byMs: number): Reading => ({
  ...reading,
  returnsAtMs: reading.returnsAtMs + byMs,
});

const ownReading = (charge: Charge, { series, calendar, nowMs }: UsageDeps): Reading =>
  readWindow(series.get(charge.series) ?? [], charge, 0n, nowMs, calendar);

function show({ server, limit, charge }: Watched, { taken, returnsAtMs }: Reading): LimitUsage {
  return {
    rule: limit.rule,
    server,
    counter: limit.counter,
    scope: limit.scope,
    window: limit.window,
    shadow: limit.shadow,
    max: charge.max,
    used: taken,
    remaining: charge.max > taken ? charge.max - taken : 0n,
    resetsAtMs: taken > 0n || charge.unit !== null ? returnsAtMs : null,
  };
}

function watchedOf({ team, routes, snapshot }: Compiled): Watched[] {
  const all = [...routes.values()];
  const watch = (limit: Count, { route }: (typeof all)[number], server: string | null): Watched => ({
    server,
    limit,
    charge: toCharge(limit, route.server, snapshot.grant),
  });
  // One of the team's limits spans servers, unless it pools by server.
  const teams = (team ? limitsOf(team, "team") : []).flatMap((limit) =>
    limit.scope === "server"
      ? all.map((route) => watch(limit, route, route.route.server.slug))
      : all.slice(0, 1).map((route) => watch(limit, route, null)),
  );
  const servers = all.flatMap((route) =>
    (route.policy ? limitsOf(route.policy, "server") : []).map((limit) =>
      watch(limit, route, route.route.server.slug),
    ),
  );
  return [...teams, ...servers];
}

function limitsOf(policy: Policy, layer: Count["layer"]): Count[] {
  const rules = Object.values(policy.rules).flat();
  const sets = [
    { limits: policy.allTools.limits, shadow: policy.shadow },
    ...rules.map(({ limits, mode }) => ({
      limits,
      shadow: mode === null ? policy.shadow : mode === "shadow",
    })),
  ];
  return sets.flatMap(({ limits, shadow }) =>
    limits.map((limit) => ({
      ...limit,
      type: "count" as const,
      rule: layer === "team" ? `/team${limit.id}` : limit.id,
      layer,
      shadow,
      incrementFrom: limit.incrementFrom?.text ?? null,
      amount: 0n,
      tool: "",
    })),
  );
}
