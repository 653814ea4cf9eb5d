import type { Access } from "../../src/api/operation.ts";
import { openPolicy } from "../api/team_setting.ts";
import type { Things } from "./world.ts";

/*
 * Every operation of the API, for the cross-tenant matrix (matrix.test.ts). An operation without a row fails the test.
 *
 * To add one: write its id, what it needs (a second time, on purpose: whoever opens an operation up must say so here too)
 * and, if it takes a body or a query, one that its own team would be served for. Then look whether
 *  - its path names something new: put one of the marked team's into `things` and an absent one into `absent` (world.ts);
 *  - its body or query can name things: `naming` gives that body or query, and the matrix sends it from another team with
 *    the marked team's things and with absent ones, which must come to the same;
 *  - its handler refuses some of those whom the role lets in: `also` says who is let in;
 *  - the right person is answered something else than 2xx here: `control` says what;
 *  - it takes away what others need: a higher `turn`, because the controls run in that order;
 *  - it ends the caller's own session: `ends`, and nobody calls it who is still needed.
 * A new kind of caller (a token of another kind, a person in another state) is a line in `intruders` of matrix.test.ts.
 */
export interface OperationRow {
  readonly needs: Access;
  readonly also?: "approver" | "admin";
  readonly body?: unknown;
  readonly query?: string;
  readonly naming?: (things: Things) => readonly { readonly body?: unknown; readonly query?: string }[];
  readonly control?: number;
  readonly turn?: number;
  readonly ends?: true;
}

const hash = "a".repeat(64);
const credential = { id: "AAAA", rawId: "AAAA", type: "public-key" };
const registration = { ...credential, response: { clientDataJSON: "AAAA", attestationObject: "AAAA" } };
const assertion = {
  ...credential,
  response: { clientDataJSON: "AAAA", authenticatorData: "AAAA", signature: "AAAA" },
};

export const operationRows: Readonly<Record<string, OperationRow>> = {
  signup: {
    needs: "public",
    body: { email: "new@example.com", password: "correct horse battery", team: "New" },
  },
  login: { needs: "public", body: { email: "nobody@example.com", password: "wrong" }, control: 401 },
  logout: { needs: "session", ends: true, turn: 9 },
  list_sessions: { needs: "session" },
  // The marked team's things are other people's.
  end_session: { needs: "session", control: 404 },
  end_other_sessions: { needs: "session", turn: 8 },
  ask_email_confirmation: { needs: "person", control: 409 },
  confirm_email: { needs: "public", body: { token: "none" }, control: 404 },
  // Their own password, because wrong ones are counted.
  change_email: {
    needs: "person",
    body: { email: "moved@example.com", password: "correct horse battery" },
  },
  change_password: {
    needs: "person",
    body: { password: "correct horse battery", new_password: "correct horse battery" },
  },
  forget_password: { needs: "public", body: { email: "nobody@example.com" } },
  reset_password: {
    needs: "public",
    body: { token: "none", password: "correct horse battery" },
    control: 404,
  },
  list_tokens: { needs: "session" },
  create_token: {
    needs: "session",
    body: { label: "x", team: "nobody", role: "viewer" },
    naming: ({ team }) => [{ body: { label: "x", team, role: "viewer" } }],
    control: 404,
  },
  revoke_token: { needs: "session", control: 404 },
  login_second_factor: { needs: "public", body: { challenge: "none", code: "000000" }, control: 401 },
  login_passkey_options: { needs: "public" },
  login_passkey: { needs: "public", body: { challenge: "none", passkey: assertion }, control: 401 },
  get_second_factors: { needs: "person" },
  challenge_second_factor: { needs: "person", control: 409 },
  renew_recovery_codes: { needs: "person", body: { password: "wrong" }, control: 403 },
  begin_totp: { needs: "person", body: { password: "wrong" }, control: 403 },
  confirm_totp: { needs: "person", body: { code: "000000" }, control: 409 },
  remove_totp: { needs: "person", body: { password: "wrong" }, control: 404 },
  passkey_options: { needs: "person", body: { password: "wrong" }, control: 403 },
  create_passkey: {
    needs: "person",
    body: { challenge: "none", name: "x", passkey: registration },
    control: 422,
  },
  rename_passkey: { needs: "person", body: { name: "x" }, control: 404 },
  delete_passkey: { needs: "person", body: { password: "wrong" }, control: 404 },
  me: { needs: "user" },
  list_teams: { needs: "user" },
  create_team: { needs: "person", body: { name: "Another" } },
  get_team: { needs: "viewer" },
  update_team: { needs: "admin", body: { retention_days: 30 } },
  get_quotas: { needs: "viewer" },
  // Nobody steps back: the controls go on.
  transfer_team: {
    needs: "admin",
    body: { to: "nobody" },
    naming: ({ user }) => [{ body: { to: user } }],
    control: 404,
  },
  delete_team: { needs: "admin", turn: 9, naming: ({ team }) => [{ body: { slug: team } }] },

  list_members: { needs: "viewer" },
  invite_member: { needs: "admin", body: { email: "invited@example.com", role: "viewer" } },
  update_member: { needs: "admin", body: { auditor: true } },
  remove_member: { needs: "viewer", also: "admin", turn: 2 },
  list_invitations: { needs: "admin" },
  withdraw_invitation: { needs: "admin", turn: 2 },
  accept_invitation: {
    needs: "person",
    body: { token: "none" },
    naming: ({ invitation }) => [{ body: { token: invitation } }],
    control: 404,
  },

  get_team_policy: { needs: "policy_manager" },
  save_team_policy: { needs: "admin", turn: -1, body: { document: openPolicy } },

  create_server: { needs: "admin", body: { name: "x", url: "https://x.example" }, control: 422 },
  list_servers: { needs: "viewer" },
  get_server: { needs: "viewer" },
  update_server: { needs: "admin", body: { name: "x" } },
  refresh_server: { needs: "admin" },
  delete_server: { needs: "admin", turn: 5 },
  // The marked team's server takes no accounts.
  connect_server: { needs: "viewer", control: 409 },
  disconnect_server: { needs: "viewer", control: 409 },
  list_connections: { needs: "viewer" },
  list_tools: { needs: "viewer" },
  get_tool: { needs: "viewer" },
  get_recommendation: { needs: "viewer" },
  accept_tool: { needs: "admin", body: { hash } },
  reject_tool: { needs: "admin", body: { hash }, control: 412 },

  create_policy: { needs: "policy_manager", body: { name: "x", document: openPolicy } },
  list_policies: { needs: "viewer" },
  get_policy: { needs: "policy_manager" },
  save_policy: { needs: "policy_manager", body: { document: openPolicy } },
  get_offer: { needs: "viewer" },
  set_offer: { needs: "admin", body: { roles: ["viewer"] } },
  delete_policy: { needs: "policy_manager", turn: 4 },
  list_revisions: { needs: "policy_manager" },
  get_revision: { needs: "policy_manager" },
  rollback_policy: { needs: "policy_manager", body: { revision: 1 } },
  validate_policy: { needs: "user", body: { document: openPolicy } },
  import_policy: { needs: "user", body: { format: "intercept", yaml: 'version: "1"\n' } },
  evaluate_policy: {
    needs: "user",
    body: { document: openPolicy, call: { method: "tools/call", name: "a", arguments: {} } },
  },
  simulate_policy: { needs: "policy_manager", body: { document: openPolicy } },

  create_grant: {
    needs: "admin",
    body: { label: "x", servers: [] },
    naming: ({ server, policy, user }) => [
      { body: { label: "x", servers: [{ server, policy }] } },
      { body: { label: "x", servers: [], member: user } },
    ],
  },
  list_grants: { needs: "viewer" },
  get_grant: { needs: "viewer" },
  update_grant: { needs: "policy_manager", body: { servers: [] } },
  revoke_grant: { needs: "admin", turn: 3 },
  create_machine_client: { needs: "admin", body: { name: "x", auth: { type: "secret" } } },
  list_machine_clients: { needs: "viewer" },
  delete_machine_client: { needs: "admin", turn: 2 },
  rotate_grant: { needs: "admin", body: { overlap_seconds: 1 } },
  get_usage: { needs: "viewer" },

  get_identity: { needs: "admin" },
  put_identity: {
    needs: "admin",
    // Of an address that is not looked at.
    body: { issuer: "https://10.0.0.1", mapping: { rules: [{}] } },
    naming: ({ server, policy }) => [
      { body: { issuer: "https://10.0.0.1", mapping: { rules: [{ servers: [{ server, policy }] }] } } },
    ],
    control: 422,
  },
  test_identity: { needs: "admin", body: { token: "a.b.c" } },
  list_subjects: { needs: "admin" },
  revoke_subject: { needs: "admin" },
  allow_subject: { needs: "admin", turn: 1 },
  delete_identity: { needs: "admin", turn: 2 },
  suggest_policies: { needs: "policy_manager" },

  list_approvals: { needs: "viewer" },
  get_approval: { needs: "viewer" },
  approve_approval: { needs: "viewer", also: "approver", turn: -2, body: { note: "n" } },
  refuse_approval: { needs: "viewer", also: "approver", turn: -2, body: { note: "n" } },

  list_hooks: { needs: "admin" },
  create_hook: { needs: "admin", body: { url: "https://x.example", events: ["approval.requested"] } },
  delete_hook: { needs: "admin", turn: 2 },
  list_hook_deliveries: { needs: "admin" },

  list_log: {
    needs: "viewer",
    naming: ({ grant, server }) => [{ query: `?grant=${grant}` }, { query: `?server=${server}` }],
  },
  get_decision: { needs: "viewer" },
  list_events: { needs: "viewer" },
  export_log: { needs: "viewer", query: "?format=jsonl" },
  // What follows does not end: the control opens it and leaves.
  follow_log: { needs: "viewer" },
  list_checkpoints: { needs: "viewer" },
  verify_log: { needs: "viewer" },
  get_stats: { needs: "viewer", naming: ({ server }) => [{ query: `?by=server&cursor=1.${server}` }] },
};
