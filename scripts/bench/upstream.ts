import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

// The smallest server that answers a tools/call: what is measured is the way to it. `--bytes N` is the size of its text.
const bytes = Number(process.argv[process.argv.indexOf("--bytes") + 1] ?? 100);
const text = "x".repeat(bytes);

const server = createServer((incoming, outgoing) => {
  incoming.resume();
  incoming.on("end", () => {
    const answer = JSON.stringify({ jsonrpc: "2.0", id: 1, result: { content: [{ type: "text", text }] } });
    outgoing.writeHead(200, {
      "Content-Type": "application/json",
      "Content-Length": Buffer.byteLength(answer),
    });
    outgoing.end(answer);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  console.log((server.address() as AddressInfo).port);
});
