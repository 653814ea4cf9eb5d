import * as z from "zod/mini";
import { retentionDaysDefault } from "../audit/retention_table.ts";
import { type Fault, fault } from "../fault.ts";
import { newId, type TeamId, type UserId } from "../id.ts";
import { isTaken, shardOf } from "../store/database.ts";
import { isRoleRefused } from "../store/member.ts";
import {
  foundedTeamsMax,
  insertTeam,
  listMemberships,
  type Membership,
  type Team,
  updateTeam,
} from "../store/team.ts";
import { newDataKey } from "../upstream/vault.ts";
import { commit, inForceShape, inForceStatus, save } from "./edit.ts";
import {
  type Call,
  noToken,
  type Operation,
  personOperation,
  type TeamCall,
  teamOperation,
  userOperation,
  within,
} from "./operation.ts";
import { ageCursor, page, pageOf, pageQuery } from "./page.ts";
import { type Reply, reply, timestamp } from "./reply.ts";
import { secondFactorOf } from "./second_factor.ts";
import { slugOf } from "./slug.ts";

export const teamName = z.string().check(z.trim(), z.minLength(1), z.maxLength(80));

const zone = z
  .string()
  .check(
    z.maxLength(64),
    z.refine(isZone, "not a time zone; write an IANA name such as Europe/Berlin or UTC"),
  );

const frozen = z.enum(["off", "writes", "all"]);
const retentionDays = z
  .int()
  .check(z.minimum(1), z.maximum(3650), z.describe("For how many days the log is kept."));

const secondFactorRequired = z
  .boolean()
  .check(z.describe("Members with an account of their own get in only once they have a second factor."));

const updateBody = z.strictObject({
  name: z.optional(teamName),
  zone: z.optional(zone),
  frozen: z.optional(frozen),
  retention_days: z.optional(retentionDays),
  second_factor_required: z.optional(secondFactorRequired),
});

const teamShape = z.strictObject({
  id: z.string(),
  slug: z.string(),
  name: z.string(),
  zone: z.string(),
  frozen,
  retention_days: retentionDays,
  second_factor_required: secondFactorRequired,
  created_at: z.iso.datetime(),
});

export const membershipShape = z
  .extend(teamShape, {
    role: z.enum(["viewer", "policy_manager", "admin"]),
    approver: z.boolean(),
    auditor: z.boolean(),
  })
  .register(z.globalRegistry, { id: "Membership" });

/** Teams: the user's own list, founding one, its settings and the freeze switch. */
export const teamOperations: readonly Operation[] = [
  userOperation(
    {
      id: "list_teams",
      method: "get",
      path: "/v1/teams",
      tag: "Teams",
      summary: "Your teams and your role in each",
      query: pageQuery,
      answers: { 200: pageOf(membershipShape) },
    },
    async ({ deps, user, session, query }) => {
      const rows = await listMemberships(deps.db, user.id, session.team, query.cursor, query.limit + 1);
      return reply(
        200,
        page(
          rows,
          query.limit,
          (row) => ageCursor(row.team),
          (row) => showMembership(within(session, row)),
        ),
      );
    },
  ),
  personOperation(
    {
      id: "create_team",
      method: "post",
      path: "/v1/teams",
      tag: "Teams",
      summary: "Found another team, which you administer",
      body: z.strictObject({ name: teamName }),
      answers: { 201: membershipShape },
    },
    async (call) => {
      try {
        const team = await foundTeam(call, call.user.id, call.body.name, []);
        return reply(201, showMembership({ team, role: "admin", approver: false, auditor: false }));
      } catch (error) {
        if (isRoleRefused(error)) return tooManyTeams;
        throw error;
      }
    },
  ),
  teamOperation(
    "viewer",
    {
      id: "get_team",
      method: "get",
      path: "/v1/teams/{team}",
      tag: "Teams",
      summary: "One team and your role in it",
      answers: { 200: membershipShape },
    },
    async ({ membership }) => reply(200, showMembership(membership)),
  ),
  teamOperation(
    "admin",
    {
      id: "update_team",
      method: "patch",
      path: "/v1/teams/{team}",
      tag: "Teams",
      summary:
        "Change the name, the time zone, how long the log is kept or whom it takes, or freeze: `writes` lets only Read tools pass, `all` nothing",
      body: updateBody,
      answers: {
        200: z.extend(membershipShape, { in_force: inForceShape }),
        202: z.extend(membershipShape, { in_force: inForceShape }),
      },
    },
    update,
  ),
];

async function update(call: TeamCall<z.output<typeof updateBody>, unknown>): Promise<Reply | Fault> {
  const { user, session, body } = call;
  if (session.kind === "token" && body.second_factor_required !== undefined) return noToken;
  const team: Team = {
    ...call.team,
    name: body.name ?? call.team.name,
    zone: body.zone ?? call.team.zone,
    frozen: body.frozen ?? call.team.frozen,
    retentionDays: body.retention_days ?? call.team.retentionDays,
    secondFactor: body.second_factor_required ?? call.team.secondFactor,
  };
  const asks = team.secondFactor && !call.team.secondFactor && user.email !== null;
  if (asks && !(await secondFactorOf(call, user.id))) return yourselfFirst;
  const inForce = await commit(call, { of: "team" }, [updateTeam(call.db, team.id, team)], {
    action: body.frozen === undefined ? "team.changed" : "team.frozen",
    subject: team.id,
    // The log itself reads here how long it is kept (`audit/retention_table.ts`).
    detail: {
      name: team.name,
      zone: team.zone,
      frozen: team.frozen,
      retention_days: team.retentionDays,
      second_factor_required: team.secondFactor,
    },
  });
  const shown = { ...showMembership({ ...call.membership, team }), in_force: inForce };
  return reply(inForceStatus(inForce), shown);
}

const yourselfFirst = fault(
  "conflict",
  "Set up a second factor for yourself first: you would be kept out with the others who have none.",
);

/** A team as its member sees it. */
export const showMembership = ({ team, role, approver, auditor }: Omit<Membership, "closed">) => ({
  id: team.id,
  slug: team.slug,
  name: team.name,
  zone: team.zone,
  frozen: team.frozen,
  retention_days: team.retentionDays,
  second_factor_required: team.secondFactor,
  created_at: timestamp(team.createdAt),
  role,
  approver,
  auditor,
});

const tooManyTeams = fault(
  "over_quota",
  `A person may administer ${foundedTeamsMax} teams. Hand one over or delete it first.`,
);

const slugTries = 4;

/** Founds a team whose admin is `admin`, in one batch with `before`. A taken slug gets a random ending. */
export async function foundTeam(
  call: Founding,
  admin: UserId,
  name: string,
  before: readonly D1PreparedStatement[],
): Promise<Team> {
  const { deps, nowMs } = call;
  const id = newId("tm", deps.random);
  const dataKey = await newDataKey(deps.masterKeys, id, deps.random);
  for (let tries = 1; ; tries++) {
    const slug = teamSlug(name, id, tries);
    const team: Team = {
      id,
      slug,
      name,
      zone: "UTC",
      frozen: "off",
      retentionDays: retentionDaysDefault,
      secondFactor: false,
      dataKey,
      createdAt: nowMs,
    };
    try {
      await insert(call, team, admin, before);
      return team;
    } catch (error) {
      if (!isTaken(error) || !String(error).includes("team.slug") || tries === slugTries) throw error;
    }
  }
}

type Founding = Pick<Call<unknown, unknown>, "deps" | "nowMs" | "requestId">;

const insert = (call: Founding, team: Team, admin: UserId, before: readonly D1PreparedStatement[]) => {
  const db = shardOf(team.id, call.deps.db);
  const event = { action: "team.created", subject: team.id, detail: { name: team.name } };
  return save({ ...call, db, team, user: { id: admin } }, [...before, ...insertTeam(db, team, admin)], event);
};

function teamSlug(name: string, id: TeamId, tries: number): string {
  const slug = slugOf(name);
  const ending = id.slice(-4 - tries);
  if (!slug) return `team-${ending}`;
  return tries === 1 ? slug : `${slug}-${ending}`;
}

// Fixed offsets such as +02:00 are zones to Intl, but have no summer time: somebody would be surprised.
function isZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
