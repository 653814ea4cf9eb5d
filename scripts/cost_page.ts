/** What was billed, for one call or for one edit. Requests to objects count alarms. */
export interface Usage {
  readonly worker: number;
  readonly requests: { readonly gate: number; readonly log: number; readonly counter: number };
  readonly rows: {
    readonly gate: number;
    readonly log: number;
    readonly counter: number;
    readonly d1: number;
  };
  readonly rowsRead: number;
}

/** One table of the page: its lines by what they are of. */
export type Figures = ReadonlyMap<string, Usage>;

// Dollars for each: the platform's paid plan, behind what it includes (checked in November 2026).
const prices = {
  workerRequest: 0.3e-6,
  cpuMs: 0.02e-6,
  request: 0.15e-6,
  rowWritten: 1e-6,
  rowRead: 0.001e-6,
};
const gigabyteSecond = 12.5e-6;
// What no meter here can read.
const assumed = { cpuMs: 5, objectSeconds: 0.01, objectGigabytes: 0.128 };

/** Dollars for one. */
export function priceOf({ worker, requests, rows, rowsRead }: Usage): number {
  const asked = requests.gate + requests.log + requests.counter;
  const awake = assumed.objectSeconds * assumed.objectGigabytes * gigabyteSecond;
  return (
    worker * (prices.workerRequest + assumed.cpuMs * prices.cpuMs) +
    asked * (prices.request + awake) +
    (rows.gate + rows.log + rows.counter + rows.d1) * prices.rowWritten +
    rowsRead * prices.rowRead
  );
}

const head = [
  "| | Worker | gate | log | counter | rows: gate | log | counter | D1 | D1 read | $ a million |",
  "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
];

const line = ([name, usage]: readonly [string, Usage]): string => {
  const { worker, requests, rows, rowsRead } = usage;
  const counts = [worker, requests.gate, requests.log, requests.counter];
  const written = [rows.gate, rows.log, rows.counter, rows.d1];
  const cells = [...counts, ...written, rowsRead, priceOf(usage) * 1e6].map((value) => value.toFixed(2));
  return `| ${[name, ...cells].join(" | ")} |`;
};

/** The page with these tables at the places that it marks: `<!-- figures busy -->` up to `<!-- end -->`. */
export function withFigures(page: string, tables: ReadonlyMap<string, Figures>): string {
  return page.replaceAll(/(<!-- figures (\w+) -->\n)[\s\S]*?(<!-- end -->)/g, (_, start, name, end) => {
    const figures = tables.get(name);
    if (!figures) throw new Error(`there are no figures ${name}`);
    return `${start}\n${[...head, ...[...figures].map(line)].join("\n")}\n\n${end}`;
  });
}

const number = /\d+(?:\.\d+)?/g;
// How many rows D1 reads hangs a little on how random ids happen to lie.
const rowsReadCell = 10;
const shareOf = (cell: number): number => (cell === rowsReadCell ? 1 / 5 : 1 / 30);

/** Whether two pages say the same, but for numbers that differ by less than a thirtieth (of rows read, a fifth) or 0.05. */
export function agree(one: string, other: string): boolean {
  const [lines, others] = [one.split("\n"), other.split("\n")];
  return (
    lines.length === others.length &&
    lines.every((text, i) => {
      const [cells, counted] = [text.split("|"), (others[i] ?? "").split("|")];
      return (
        cells.length === counted.length &&
        cells.every((cell, at) => near(cell, counted[at] ?? "", shareOf(at)))
      );
    })
  );
}

function near(one: string, other: string, share: number): boolean {
  if (one.replaceAll(number, "0") !== other.replaceAll(number, "0")) return false;
  const others = other.match(number) ?? [];
  return (one.match(number) ?? []).every((text, i) => {
    const value = Number(text);
    return Math.abs(value - Number(others[i])) <= Math.max(0.05, value * share);
  });
}
