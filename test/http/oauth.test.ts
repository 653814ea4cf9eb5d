import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import {
  ClientCredentialsProvider,
  PrivateKeyJwtProvider,
} from "@modelcontextprotocol/sdk/client/auth-extensions.js";
import { Client as LegacyClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as LegacyTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { exportJWK, generateKeyPair } from "jose";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import * as z from "zod";
import { freePort } from "../../scripts/start/ports.ts";
import { Rest } from "../../scripts/start/rest.ts";
import { type Cmux, startCmux } from "../support/cmux.ts";
import { root, scratch } from "./harness.ts";
import { PersonBrowser } from "./person_browser.ts";

const callback = "http://127.0.0.1:61999/callback";
const name = { name: "portcullis-tests", version: "1.0.0" };
const registered = z.object({ gateway_url: z.string(), key_url: z.string() });

let cmux: Cmux;
let person: PersonBrowser;
let rest: Rest;
let gatewayUrl: string;
let keyUrl: string;
let documents: HttpServer;
let documentUrl: string;

beforeAll(async () => {
  const { url } = inject("gateway");
  cmux = await startCmux();
  person = await PersonBrowser.signUp(url);
  rest = new Rest(url, person.token);
  const at = `/v1/teams/${person.team}/servers`;
  const body = { name: "cmux", url: cmux.url, auth: { type: "none" } };
  const server = await rest.must(registered, "POST", at, body);
  [gatewayUrl, keyUrl] = [server.gateway_url, server.key_url];
  const policy = { name: "open", document: { version: "1", default: "allow" } };
  await rest.must(z.unknown(), "POST", `${at}/cmux/policies`, policy);
  documents = createServer((_, response) => {
    response.setHeader("Content-Type", "application/json");
    const metadata = { client_id: documentUrl, client_name: "By document", redirect_uris: [callback] };
    response.end(JSON.stringify(metadata));
  });
  await new Promise<void>((done) => documents.listen(0, "127.0.0.1", done));
  documentUrl = `http://127.0.0.1:${(documents.address() as AddressInfo).port}/client.json`;
});
afterAll(async () => {
  documents.close();
  await cmux.stop();
});

/** What a client keeps of its sign-in: the same for both packages. `clientId` is what it is called already, if it is. */
class Kept {
  readonly redirectUrl = callback;
  readonly clientMetadata = {
    client_name: "A client",
    redirect_uris: [callback],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  };
  sentTo: URL | null = null;
  // biome-ignore lint/suspicious/noExplicitAny: each package has a type of its own for it
  #client: any;
  // biome-ignore lint/suspicious/noExplicitAny: the same
  #tokens: any;
  // biome-ignore lint/suspicious/noExplicitAny: the same
  #discovered: any;
  #verifier = "";

  constructor(clientId?: string) {
    if (clientId !== undefined) this.#client = { client_id: clientId };
  }
  state = () => "a state";
  clientInformation = () => this.#client;
  saveClientInformation = (client: unknown) => {
    this.#client = client;
  };
  tokens = () => this.#tokens;
  saveTokens = (tokens: unknown) => {
    this.#tokens = tokens;
  };
  redirectToAuthorization = (to: URL) => {
    this.sentTo = to;
  };
  saveCodeVerifier = (verifier: string) => {
    this.#verifier = verifier;
  };
  codeVerifier = () => this.#verifier;
  saveDiscoveryState = (discovered: unknown) => {
    this.#discovered = discovered;
  };
  discoveryState = () => this.#discovered;
}

/** A package's client: it connects, is told to ask its person, finishes, and connects again. */
type Connect = (kept: Kept, back: (to: URL) => Promise<URL>) => Promise<string[]>;

const legacy: Connect = async (kept, back) => {
  const client = new LegacyClient(name);
  const transport = () => new LegacyTransport(new URL(gatewayUrl), { authProvider: kept });
  const connect = (by: LegacyTransport) => client.connect(by as Parameters<LegacyClient["connect"]>[0]);
  const first = transport();
  await connect(first).catch(() => undefined);
  if (kept.sentTo) {
    const answer = await back(kept.sentTo);
    await first.finishAuth(answer.searchParams.get("code") ?? "");
    await connect(transport());
  }
  const { tools } = await client.listTools();
  await client.close();
  return tools.map((tool) => tool.name);
};

const modern: Connect = async (kept, back) => {
  const client = new Client(name, { versionNegotiation: { mode: "auto" } });
  const transport = () => new StreamableHTTPClientTransport(new URL(gatewayUrl), { authProvider: kept });
  const first = transport();
  await client.connect(first).catch(() => undefined);
  if (kept.sentTo) {
    await first.finishAuth((await back(kept.sentTo)).searchParams);
    await client.connect(transport());
  }
  const { tools } = await client.listTools();
  await client.close();
  return tools.map((tool) => tool.name);
};

describe.each<[string, Connect]>([
  ["sdk 1.32", legacy],
  ["client 2.4", modern],
])("%s's own OAuth flow", (_, connect) => {
  it("finds the server, registers, asks its person and lists the tools; and later needs nobody", async () => {
    const kept = new Kept();
    let asked = 0;
    const back = (to: URL) => {
      asked++;
      return person.agree(to);
    };
    expect(await connect(kept, back)).toContain("cmux_send");
    expect(kept.sentTo?.searchParams.get("resource")).toBe(gatewayUrl);
    // An hour later: what it has is refused, and it renews by itself.
    kept.saveTokens({ ...kept.tokens(), access_token: "over" });
    kept.sentTo = null;
    expect(await connect(kept, back)).toContain("cmux_send");
    expect(asked).toBe(1);
  });

  it("signs in as a client that is an address, without registration", async () => {
    const kept = new Kept(documentUrl);
    expect(await connect(kept, (to) => person.agree(to))).toContain("cmux_send");
    expect(kept.clientInformation()).toMatchObject({ client_id: documentUrl });
  });
});

describe("a machine", () => {
  const created = z.object({ id: z.string(), client_secret: z.string().optional() });

  /** A client of a new grant's. */
  async function machine(auth: object): Promise<z.infer<typeof created>> {
    const servers = [{ server: "cmux", policy: "open" }];
    const grants = `/v1/teams/${person.team}/grants`;
    const grant = await rest.must(z.object({ id: z.string() }), "POST", grants, { label: "CI", servers });
    return rest.must(created, "POST", `${grants}/${grant.id}/clients`, { name: "CI", auth });
  }

  async function calls(authProvider: ClientCredentialsProvider | PrivateKeyJwtProvider): Promise<void> {
    const client = new LegacyClient(name);
    const transport = new LegacyTransport(new URL(gatewayUrl), { authProvider });
    await client.connect(transport as Parameters<LegacyClient["connect"]>[0]);
    const called = await client.callTool({ name: "cmux_send", arguments: { text: "x" } });
    expect(called.isError).not.toBe(true);
    await client.close();
  }

  it("signs in through sdk 1.32 by its secret, and calls", async () => {
    const { id, client_secret: clientSecret = "" } = await machine({ type: "secret" });
    const expectedIssuer = inject("gateway").url;
    await calls(new ClientCredentialsProvider({ clientId: id, clientSecret, expectedIssuer }));
  });

  it("signs in through sdk 1.32 by a key of its own, and calls", async () => {
    const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
    const jwks = { keys: [await exportJWK(publicKey)] };
    const { id } = await machine({ type: "private_key_jwt", jwks });
    const expectedIssuer = inject("gateway").url;
    const key = { privateKey: await exportJWK(privateKey), algorithm: "ES256" };
    await calls(new PrivateKeyJwtProvider({ clientId: id, ...key, expectedIssuer }));
  });
});

describe("the address for tokens", () => {
  it("names nowhere to sign in, so that clients keep the token they were given", async () => {
    const refused = await fetch(keyUrl, { method: "POST" });
    expect([refused.status, refused.headers.get("WWW-Authenticate")]).toEqual([401, "Bearer"]);
    const { pathname, origin } = new URL(keyUrl);
    const document = await fetch(`${origin}/.well-known/oauth-protected-resource${pathname}`);
    expect(document.status).toBe(404);
  });
});

const checks = z.array(z.object({ id: z.string(), status: z.string(), errorMessage: z.string().optional() }));

describe("the official suite for authorization servers", () => {
  it("passes every check of both its scenarios", async () => {
    const { url } = inject("gateway");
    const port = await freePort(undefined);
    const metadata = {
      redirect_uris: [`http://127.0.0.1:${port}/callback`],
      token_endpoint_auth_method: "none",
    };
    const client = await new Rest(url).must(
      z.object({ client_id: z.string() }),
      "POST",
      "/register",
      metadata,
    );
    const { dir, drop } = scratch();
    try {
      await runSuite(url, client.client_id, port, dir);
      const judged = readdirSync(dir, { recursive: true })
        .map(String)
        .filter((file) => file.endsWith("checks.json"))
        .flatMap((file) => checks.parse(JSON.parse(readFileSync(join(dir, file), "utf8"))));
      expect(judged.filter(({ status }) => status !== "SUCCESS")).toEqual([]);
      expect(judged.map(({ id }) => id).sort()).toEqual([
        "authorization-code-grant",
        "authorization-server-metadata",
        "authorization-server-metadata-cimd",
      ]);
    } finally {
      drop();
    }
  });

  /** Runs both scenarios; where the suite asks for a person, the person follows the address that it prints. */
  async function runSuite(url: string, clientId: string, port: number, dir: string): Promise<void> {
    const script = join(root, "node_modules/@modelcontextprotocol/conformance/dist/index.js");
    const asked = ["--url", url, "--client-id", clientId, "--resource", gatewayUrl];
    const args = [script, "authorization", ...asked, "--port", String(port), "--output-dir", dir];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise<void>((done) => child.once("close", () => done()));
    let printed = "";
    for await (const chunk of child.stdout.setEncoding("utf8")) {
      printed += chunk;
      const to = /^(http\S+\/authorize\?\S+)\n/m.exec(printed)?.[1];
      if (to === undefined) continue;
      printed = "";
      await fetch(await person.agree(new URL(to)));
    }
    await ended;
  }
});
