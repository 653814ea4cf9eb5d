import type { RouteName } from "../../src/route.ts";

/*
 * Every address that the Worker answers beside the API's operations, for the cross-tenant matrix (routes.test.ts). A route
 * of src/route.ts without a row fails the test, and so does an alternative of its pattern that no probe reaches.
 *
 * To add one: a probe for each address and each kind of caller that it tells apart. The matrix sends it with the marked
 * team's names and with names that nothing has: both must come to this status, and to the same, but for the names.
 */
export interface Probe {
  readonly path: (names: Names) => string;
  readonly status: number;
  /** Whose bearer token goes along; nobody's where it is absent. */
  readonly as?: Bearer;
  readonly method?: "POST" | "DELETE";
  /** Sent as JSON. */
  readonly body?: (names: Names) => unknown;
}

export type Bearer =
  | "an agent of another team"
  | "an agent of the team, without servers"
  | "an agent of the team, revoked"
  | "a session of the team's admin";

/** What an address can name. */
export interface Names {
  readonly team: string;
  readonly server: string;
  readonly approval: string;
  readonly grant: string;
}

const initialize = () => ({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } },
});

/** A gateway URL, as each of those meets it who may not pass. */
const gateway = (surface: "mcp" | "key"): Probe[] => {
  const path = ({ team, server }: Names) => `/${surface}/${team}/${server}`;
  const callers: [Bearer | undefined, number][] = [
    [undefined, 401],
    ["an agent of another team", 404],
    ["an agent of the team, without servers", 404],
    ["an agent of the team, revoked", 401],
    ["a session of the team's admin", 401],
  ];
  return callers.flatMap(([as, status]): Probe[] => {
    const who = as ? { as } : {};
    return [
      { path, status, ...who, method: "POST", body: initialize },
      { path, status, ...who },
      { path, status, ...who, method: "DELETE" },
      {
        path: ({ team }) => `/${surface}/${team}`,
        // Such an address is none, which needs no gate to say.
        status: as === "an agent of the team, revoked" ? 404 : status,
        ...who,
        method: "POST",
        body: initialize,
      },
    ];
  });
};

const page = (path: string): Probe => ({ path: () => path, status: 200 });

export const routeRows: Readonly<Record<RouteName, readonly Probe[]>> = {
  gateway: [...gateway("mcp"), ...gateway("key")],
  // Operations have a table of their own.
  api: [{ path: ({ team }) => `/v1/${team}`, status: 404 }],
  keys: [page("/.well-known/jwks.json")],
  page: [
    page("/sign-in"),
    page("/sign-up"),
    page("/confirm-email"),
    page("/forgot-password"),
    page("/reset-password"),
    page("/second-factor"),
    page("/invitations"),
    { path: ({ approval }) => `/approvals/${approval}`, status: 200 },
    { path: ({ team }) => `/approvals/${team}`, status: 404 },
    // The same page whether there is such a server or not.
    { path: () => "/connections/owner/tools", status: 200 },
    { path: ({ team }) => `/connections/${team}`, status: 404 },
    { path: () => "/sso-ended/over", status: 400 },
  ],
  // Without a state that was given out it leads to the page that says so.
  connect_callback: [
    // Without a state that was given out it leads to the page that says so.
    { path: ({ server }) => `/connect/callback?state=${server}&code=x`, status: 303 },
    { path: ({ server }) => `/connect/callback?state=${server}&code=x`, status: 405, method: "POST" },
  ],
  connect_client: [page("/connect/client.json")],
  oauth: [
    // Whoever is not signed in is asked to, whatever they name.
    {
      path: ({ team, server }) => `/authorize?client_id=${server}&resource=/mcp/${team}/${server}`,
      status: 303,
    },
    { path: () => "/authorize", status: 400, method: "POST" },
    { path: () => "/authorize", status: 405, method: "DELETE" },
    { path: () => "/token", status: 400, method: "POST", body: () => ({}) },
    { path: () => "/register", status: 400, method: "POST", body: ({ team }) => ({ client_name: team }) },
    { path: () => "/revoke", status: 400, method: "POST", body: () => ({}) },
    page("/.well-known/oauth-authorization-server"),
    // The same document whether there is such a gateway or not.
    {
      path: ({ team, server }) => `/.well-known/oauth-protected-resource/mcp/${team}/${server}`,
      status: 200,
    },
  ],
  // The team's identity provider signs nobody in: the answer is that of no team.
  sso: [
    { path: ({ team }) => `/sso/${team}`, status: 404 },
    { path: ({ team }) => `/sso/${team}/jwks.json`, status: 404 },
    { path: ({ team }) => `/sso/${team}`, status: 405, method: "POST" },
    { path: ({ team }) => `/sso/callback?state=${team}&code=x`, status: 303 },
  ],
  healthz: [page("/healthz")],
  readyz: [page("/readyz")],
};
