import { small } from "./calls.ts";
import { names, p50, p99, perSecond, type Results } from "./results.ts";
import { row, rows } from "./table.ts";

/** A promise and what it is measured by: the values that count, of which the worst decides. */
interface Goal {
  readonly name: string;
  readonly promised: number;
  readonly atMost: boolean;
  readonly values: readonly number[];
}

type Values = readonly number[];

const atLeast = (promised: number, name: string, values: Values): Goal => ({
  name,
  promised,
  atMost: false,
  values,
});
const atMost = (promised: number, name: string, values: Values): Goal => ({
  name,
  promised,
  atMost: true,
  values,
});

function goalsOf(results: Results, peers: readonly string[]): Goal[] {
  const { bare, durable, gateway } = names;
  const [one, sixteen] = small;
  if (!one || !sixteen) return [];
  const each = (measure: typeof p99, other: string): number[] =>
    small.map((scenario) => results.share(scenario, gateway, other, measure));
  // The share of the fastest peer is the lowest.
  const beside = peers.map((peer) => results.share(sixteen, gateway, peer, perSecond));
  const peer = beside.length > 0 ? [Math.min(...beside)] : [];
  const memory = ratio(results.footprints.get(gateway)?.loadedMiB, results.footprints.get(bare)?.loadedMiB);
  return [
    atLeast(0.8, "calls/s, × the minimal durable worker, at 1 / 16 / 64 clients", each(perSecond, durable)),
    atLeast(1.2, "calls/s, × the fastest npm peer, at 16 clients", peer),
    atMost(0.2, "ms at the median over the minimal durable worker, at 1 client", [
      results.difference(one, gateway, durable, p50),
    ]),
    atMost(3, "p99, × the bare worker, at 1 / 16 / 64 clients", each(p99, bare)),
    atMost(1.3, "memory after the same calls, × the bare worker", [memory]),
    atLeast(0.4, "moonshot: calls/s, × the bare worker, at 16 clients", [
      results.share(sixteen, gateway, bare, perSecond),
    ]),
    atLeast(2, "moonshot: calls/s, × the fastest npm peer, at 16 clients", peer),
  ];
}

const ratio = (one = Number.NaN, other = Number.NaN): number => one / other;

/** How far each goal is; a goal with nothing to judge by is neither met nor missed. */
export function goalTable(results: Results, peers: readonly string[]): string {
  return rows(
    ["the gateway with everything on", "goal", "measured", "met", "off by"],
    goalsOf(results, peers).map(goalRow),
  );
}

function goalRow({ name, promised, atMost, values }: Goal): string {
  const goal = `${atMost ? "≤" : "≥"} ${promised}`;
  if (values.length === 0 || !values.every(Number.isFinite)) return row(name, goal, "not measured", "–", "–");
  const worst = atMost ? Math.max(...values) : Math.min(...values);
  const met = atMost ? worst <= promised : worst >= promised;
  const off = `${Math.round((Math.abs(worst - promised) / promised) * 100)} %`;
  const measured = values.map((value) => value.toFixed(2)).join(" / ");
  return row(name, goal, measured, met ? "yes" : "no", met ? "–" : off);
}
