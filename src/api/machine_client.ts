import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import { newId } from "../id.ts";
import { readIssuerKeys } from "../identity/issuer_keys.ts";
import { hashSecret, newSecret } from "../identity/secret.ts";
import { fromStart } from "../store/database.ts";
import {
  deleteMachineClient,
  insertMachineClient,
  listMachineClients,
  type MachineClient,
} from "../store/machine_client.ts";
import { insertFamily } from "../store/oauth_family.ts";
import { commit, inForceShape, inForceStatus } from "./edit.ts";
import { grantOf, standingGrantOf } from "./grant_view.ts";
import { nothingHere, type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { ageCursor, page, pageOf, pageQuery } from "./page.ts";
import { type Reply, reply, timestamp } from "./reply.ts";

/** Clients of one grant. */
const clientsMax = 20;

const all = "/v1/teams/{team}/grants/{grant}/clients";
const one = `${all}/{client}`;
const tag = "Grants";

const jwks = z.looseObject({ keys: z.array(z.unknown()).check(z.minLength(1), z.maxLength(20)) }).check(
  z.refine((given) => (readIssuerKeys(given)?.keys.length ?? 0) > 0, "no public key that checks signatures"),
  z.describe("Its public keys (RFC 7517)."),
);
const createBody = z.strictObject({
  name: z.string().check(z.trim(), z.minLength(1), z.maxLength(100)),
  auth: z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("secret") }),
    z.strictObject({ type: z.literal("private_key_jwt"), jwks }),
  ]),
});

const shape = z
  .strictObject({
    id: z.string().check(z.describe("The `client_id` at the token endpoint.")),
    name: z.string(),
    auth: z.strictObject({ type: z.enum(["secret", "private_key_jwt"]) }),
    token_url: z.url(),
    created_at: z.iso.datetime(),
  })
  .register(z.globalRegistry, { id: "MachineClient" });
const created = z.extend(shape, {
  client_secret: z.optional(z.string().check(z.describe("Shown this once."))),
  in_force: inForceShape,
});
const deleted = z.strictObject({ in_force: inForceShape });

/** OAuth clients for machines: each gets tokens of an hour for one grant, by the `client_credentials` of RFC 6749. */
export const machineClientOperations: readonly Operation[] = [
  teamOperation(
    "admin",
    {
      id: "create_machine_client",
      method: "post",
      path: all,
      tag,
      summary: "Let a machine sign in for the grant by OAuth, with a secret or by keys of its own",
      body: createBody,
      answers: { 201: created },
    },
    create,
  ),
  teamOperation(
    "viewer",
    {
      id: "list_machine_clients",
      method: "get",
      path: all,
      tag,
      summary: "The machines that sign in for the grant; never a secret",
      query: pageQuery,
      answers: { 200: pageOf(shape) },
    },
    async (call) => {
      const grant = await grantOf(call);
      if (isFault(grant)) return grant;
      const { limit, cursor } = call.query;
      const rows = await listMachineClients(call.db, call.team.id, grant.id, cursor, limit + 1);
      return reply(
        200,
        page(rows, limit, ageCursor, (row) => show(call, row)),
      );
    },
  ),
  teamOperation(
    "admin",
    {
      id: "delete_machine_client",
      method: "delete",
      path: one,
      tag,
      summary: "End a machine's sign-in: after 200 its tokens are refused at the next call",
      answers: { 200: deleted, 202: deleted },
    },
    remove,
  ),
];

async function create(call: TeamCall<z.output<typeof createBody>, unknown>): Promise<Reply | Fault> {
  const { db, deps, team, body, nowMs } = call;
  const grant = await standingGrantOf(call);
  if (isFault(grant)) return grant;
  const others = await listMachineClients(db, team.id, grant.id, fromStart, clientsMax);
  if (others.length >= clientsMax)
    return fault("over_quota", `A grant may have ${clientsMax} clients. Remove one first.`);
  const secret = body.auth.type === "secret" ? newSecret(deps.random) : null;
  const family = newId("fam", deps.random);
  const client: MachineClient = {
    id: newId("cli", deps.random),
    team: team.id,
    grant: grant.id,
    family,
    name: body.name,
    secretHash: secret === null ? null : hashSecret(secret),
    keys: body.auth.type === "secret" ? null : JSON.stringify(body.auth.jwks),
    createdAt: nowMs,
  };
  const signIn = insertFamily(db, {
    id: family,
    grant: grant.id,
    client: client.id,
    clientMethod: secret === null ? "private_key_jwt" : "client_secret_basic",
    resource: "",
    scope: "mcp",
    generation: 0,
    rotatedAt: nowMs,
    // It ends with the grant, however often that is prolonged.
    notAfter: Number.MAX_SAFE_INTEGER,
    createdAt: nowMs,
  });
  const changes = [signIn, insertMachineClient(db, client)];
  const inForce = await commit(call, { of: "grant", grant: grant.id }, changes, {
    action: "client.created",
    subject: grant.id,
    detail: { client: client.id, name: client.name },
  });
  return reply(201, {
    ...show(call, client),
    ...(secret !== null && { client_secret: secret }),
    in_force: inForce,
  });
}

async function remove(call: TeamCall<unknown, unknown>): Promise<Reply | Fault> {
  const { db, team } = call;
  const grant = await grantOf(call);
  if (isFault(grant)) return grant;
  const clients = await listMachineClients(db, team.id, grant.id, fromStart, clientsMax);
  const client = clients.find(({ id }) => id === call.params["client"]);
  if (!client) return nothingHere;
  const changes = [deleteMachineClient(db, team.id, client.id)];
  const inForce = await commit(call, { of: "grant", grant: grant.id }, changes, {
    action: "client.deleted",
    subject: grant.id,
    detail: { client: client.id, name: client.name },
  });
  return reply(inForceStatus(inForce), { in_force: inForce });
}

const show = ({ deps }: TeamCall<unknown, unknown>, { id, name, secretHash, createdAt }: MachineClient) => ({
  id,
  name,
  auth: { type: secretHash === null ? ("private_key_jwt" as const) : ("secret" as const) },
  token_url: `${deps.origin}/token`,
  created_at: timestamp(createdAt),
});
