import type { TeamId } from "../id.ts";
import type { Db } from "./database.ts";

interface Quota {
  /** What a team may have, unless `team_quota` says otherwise. */
  readonly max: number;
  /** Counts what `given.team` has at `given.now`; of several things that are counted apart, the fullest. */
  readonly used: string;
  /** Where things are counted apart: counts what `given.one` has. */
  readonly ofOne?: string;
}

const dayMs = 86_400_000;
const policies = "FROM policy WHERE team_id = given.team AND server_id";
const standingGrants = `FROM "grant" g WHERE g.team_id = given.team AND g.revoked_at IS NULL AND g.expires_at > given.now`;
const madeToday = `FROM invitation WHERE team_id = given.team AND created_at > given.now - ${dayMs}`;

const quotas = {
  servers: { max: 100, used: "SELECT count(*) FROM server WHERE team_id = given.team" },
  policies_of_a_server: {
    max: 100,
    used: `SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n ${policies} IS NOT NULL GROUP BY server_id)`,
    ofOne: `SELECT count(*) ${policies} = given.one`,
  },
  grants: {
    max: 1_000,
    used: `SELECT count(*) ${standingGrants} AND NOT EXISTS (SELECT 1 FROM subject WHERE grant_id = g.id)`,
  },
  // Those whose grants stand: who was refused, or has stayed away for a year, makes room.
  subjects: {
    max: 1_000,
    used: `SELECT count(*) ${standingGrants} AND EXISTS (SELECT 1 FROM subject WHERE grant_id = g.id AND refused_at IS NULL)`,
  },
  refused_subjects: {
    max: 10_000,
    used: "SELECT count(*) FROM subject WHERE team_id = given.team AND refused_at IS NOT NULL",
  },
  members: { max: 500, used: "SELECT count(*) FROM member WHERE team_id = given.team" },
  open_invitations: {
    max: 200,
    used: "SELECT count(*) FROM invitation WHERE team_id = given.team AND ended_at IS NULL AND expires_at > given.now",
  },
  // A team's name is anybody's to choose and so is the address: no team makes this gateway send mail without end.
  invitations_a_day: { max: 400, used: `SELECT count(*) ${madeToday}` },
  invitations_a_day_to_one: {
    max: 5,
    used: `SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n ${madeToday} GROUP BY email)`,
    ofOne: `SELECT count(*) ${madeToday} AND email = given.one`,
  },
  hooks: { max: 20, used: "SELECT count(*) FROM hook WHERE team_id = given.team" },
} as const satisfies Record<string, Quota>;

export type QuotaName = keyof typeof quotas;

/** Every quota, in the table's order. */
export const quotaNames = Object.keys(quotas) as readonly QuotaName[];

/** How much a team has of something, and how much it may have. */
export interface Used {
  readonly used: number;
  readonly max: number;
}

/** Whom a quota is asked for: `one` is the server or address where those are counted apart. Times are in ms. */
export interface Asked {
  readonly team: TeamId;
  readonly nowMs: number;
  readonly one?: string;
}

const given = "WITH given (team, now, one) AS (VALUES (?1, ?2, ?3))";
const maxOf = (name: QuotaName): string =>
  `coalesce((SELECT q.max FROM team_quota q WHERE q.team_id = given.team AND q.name = '${name}'), ${quotas[name].max})`;

function countOf(name: QuotaName, one: string | undefined): string {
  const { used, ofOne }: Quota = quotas[name];
  return one === undefined || ofOne === undefined ? used : ofOne;
}

const ask = (db: Db, name: QuotaName, { team, nowMs, one }: Asked): D1PreparedStatement =>
  db
    .prepare(`${given} SELECT (${countOf(name, one)}) AS used, ${maxOf(name)} AS max FROM given`)
    .bind(team, nowMs, one ?? "");

/** How one quota stands. */
export const readQuota = async (db: Db, name: QuotaName, asked: Asked): Promise<Used> =>
  (await ask(db, name, asked).first<Used>()) ?? { used: 0, max: quotas[name].max };

/** How all of a team's quotas stand. */
export async function readQuotas(db: Db, asked: Asked): Promise<Record<QuotaName, Used>> {
  const answers = await db.batch<Used>(quotaNames.map((name) => ask(db, name, asked)));
  const found = quotaNames.map((name, i) => [
    name,
    answers[i]?.results[0] ?? { used: 0, max: quotas[name].max },
  ]);
  return Object.fromEntries(found) as Record<QuotaName, Used>;
}

/**
 * Breaks its batch (`isOverQuota`) where the statements before it have taken the team past the quota. It is asked inside
 * the transaction, so that no two can both take the last place.
 */
export const holdTo = (db: Db, name: QuotaName, { team, nowMs, one }: Asked): D1PreparedStatement =>
  db
    .prepare(
      `${given} INSERT INTO team_quota (team_id, name, max)
       SELECT given.team, '${name}', NULL FROM given WHERE (${countOf(name, one)}) > ${maxOf(name)}`,
    )
    .bind(team, nowMs, one ?? "");

/** Whether `error` says that a batch would have gone past a quota, and nothing of it is written. */
export const isOverQuota = (error: unknown): boolean =>
  error instanceof Error && error.message.includes("NOT NULL constraint failed: team_quota.max");
