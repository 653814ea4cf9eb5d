/**
 * Every address that the Worker answers itself, first match first. The composition root must serve each of them, and the
 * cross-tenant matrix (test/tenancy) must have rows for each: a route that is not in this list does not exist.
 */
export const routes = [
  { name: "gateway", path: /^\/(?:mcp|key)(?:\/|$)/ },
  { name: "api", path: /^\/v1(?:\/|$)/ },
  { name: "keys", path: /^\/\.well-known\/jwks\.json$/ },
  {
    name: "page",
    path: /^\/(?:sign-in|sign-up|confirm-email|forgot-password|reset-password|second-factor|invitations|approvals\/.*|connections\/.*|sso-ended\/[a-z_]+)$/,
  },
  { name: "connect_callback", path: /^\/connect\/callback(?:\/[A-Za-z0-9_-]{16})?$/ },
  { name: "connect_client", path: /^\/connect\/client\.json$/ },
  {
    name: "oauth",
    path: /^\/(?:authorize|token|register|revoke|\.well-known\/oauth-authorization-server|\.well-known\/oauth-protected-resource\/mcp\/.*)$/,
  },
  { name: "sso", path: /^\/sso\/[a-z0-9][a-z0-9-]{0,62}(?:\/jwks\.json)?$/ },
  { name: "healthz", path: /^\/healthz$/ },
  { name: "readyz", path: /^\/readyz$/ },
] as const satisfies readonly { readonly name: string; readonly path: RegExp }[];

export type RouteName = (typeof routes)[number]["name"];

/** Which route a path belongs to; null where there is nothing. */
export const routeOf = (pathname: string): RouteName | null =>
  routes.find(({ path }) => path.test(pathname))?.name ?? null;

// Nothing in it that the parser would read as something else: no dots, no percent signs.
const plainUrl = /^https?:\/\/[\w.:[\]-]+(\/[\w/-]*)(?:[?#]|$)/;

/** The path of a request's URL, as the parser reads it; where the text is plain, without parsing it. */
export const pathOf = (url: string): string => plainUrl.exec(url)?.[1] ?? new URL(url).pathname;
