import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";

/** What the canary has seen, and where it and its accomplice listen. */
export interface Sighting {
  readonly connections: number;
  readonly port: number;
  /** Redirects whoever asks to what `?to=` says, with the status in `?status=`. */
  readonly redirector: number;
}

/**
 * Listens on this machine for connections that must never come (T7), on both loopback addresses. It answers none, but
 * counts; whoever asks is told by the function that comes back.
 */
export async function canary(): Promise<() => Response> {
  let connections = 0;
  const listener = () =>
    createServer((socket) => {
      connections++;
      socket.destroy();
    });
  const port = await listening(listener(), 0, "127.0.0.1");
  // Where the machine has no IPv6, there is nothing to reach there either.
  await listening(listener(), port, "::1").catch(() => port);
  const redirecting = createHttpServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "", "http://localhost");
    response.writeHead(Number(searchParams.get("status")), { Location: searchParams.get("to") ?? "" }).end();
  });
  const redirector = await listening(redirecting, 0, "127.0.0.1");
  return () => Response.json({ connections, port, redirector } satisfies Sighting);
}

const listening = (server: Server, port: number, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.unref().listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
