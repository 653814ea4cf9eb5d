import type { Gateway, Team } from "./demo.ts";

export interface Running {
  readonly url: string;
  readonly team: Team;
  readonly gateway: Gateway | null;
}

/** The one line for scripts. */
export const jsonLine = ({ url, team, gateway }: Running): string =>
  JSON.stringify({
    url,
    team: team.slug,
    email: team.email,
    password: team.password,
    ...(gateway ? { gateway_url: gateway.gatewayUrl, token: gateway.token } : {}),
  });

/** The same for people, with commands to copy. */
export function page(running: Running): string {
  const { url, team, gateway } = running;
  const head = `
Portcullis runs at ${url}

  API docs    ${url}/v1/docs
  Sign in     ${team.email}   password ${team.password}   team ${team.slug}
`;
  return `${head}${gateway ? gatewayPage(gateway) : ""}\nCtrl-C stops it; its data stays.\n`;
}

function gatewayPage({ upstream, gatewayUrl, keyUrl, token }: Gateway): string {
  const call = {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "cmux_send", arguments: { text: "hello" } },
  };
  const headers = { Authorization: `Bearer ${token}` };
  return `  Gateway     ${gatewayUrl}
  in front of ${upstream}

Call a tool (the eleventh time within a minute is refused):

curl -sS ${gatewayUrl} \\
  -H 'Authorization: Bearer ${token}' \\
  -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \\
  -d '${JSON.stringify(call)}'

Claude Code:

claude mcp add --transport http portcullis-demo ${gatewayUrl} --header "Authorization: Bearer ${token}"

Cursor (.cursor/mcp.json):

${JSON.stringify({ mcpServers: { "portcullis-demo": { url: keyUrl, headers } } })}

VS Code (.vscode/mcp.json):

${JSON.stringify({ servers: { "portcullis-demo": { type: "http", url: gatewayUrl, headers } } })}
`;
}
