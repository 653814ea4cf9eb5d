import { createServer, request as send } from "node:http";
import type { AddressInfo } from "node:net";

export interface Injector {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * A proxy on 127.0.0.1 that adds the Authorization header, since the suite has no option for one. Its own name in Host and
 * Origin becomes the gateway's; all else goes through as it came, byte for byte.
 */
export async function startInjector(gatewayUrl: string, token: string): Promise<Injector> {
  const gateway = new URL(gatewayUrl);
  const server = createServer((incoming, outgoing) => {
    const own = incoming.socket.localPort;
    const headers = incoming.rawHeaders.map((text) => text.replace(`127.0.0.1:${own}`, gateway.host));
    const forwarded = send(
      gateway.href,
      {
        method: incoming.method,
        path: gateway.pathname,
        headers: [...headers, "authorization", `Bearer ${token}`],
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        answer.pipe(outgoing);
        answer.once("error", () => outgoing.destroy());
      },
    );
    forwarded.once("error", () => outgoing.destroy());
    outgoing.once("close", () => forwarded.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${gateway.pathname}`,
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
