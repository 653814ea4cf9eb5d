import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readRequest, writeResponse } from "../node-http.ts";
import { Provider } from "./provider.ts";

/** The provider on 127.0.0.1, with the address that it is reached at as its issuer. */
export async function startProvider(): Promise<{ provider: Provider; stop: () => Promise<void> }> {
  const server = createServer((incoming, outgoing) => {
    readRequest(incoming, outgoing)
      .then(async (request) => writeResponse(await provider.handle(request), outgoing))
      .catch(() => outgoing.destroy());
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const provider = await Provider.start(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return {
    provider,
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
