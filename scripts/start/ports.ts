import { type AddressInfo, createServer } from "node:net";
import { Trouble } from "./trouble.ts";

/** Listens for an instant on 127.0.0.1. Returns the port that was bound, or null where it is taken. */
function tryPort(port: number): Promise<number | null> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE" || error.code === "EACCES") done(null);
      else failed(error);
    });
    server.listen(port, "127.0.0.1", () => {
      const bound = (server.address() as AddressInfo).port;
      server.close(() => done(bound));
    });
  });
}

/** A free port, `remembered` where it is one. */
export async function freePort(remembered: number | undefined): Promise<number> {
  const again = remembered === undefined ? null : await tryPort(remembered);
  const port = again ?? (await tryPort(0));
  if (port === null) throw new Trouble("This machine has no free port on 127.0.0.1.");
  return port;
}

/** Exactly this port, or a `Trouble` that says how to choose another. */
export async function claimPort(port: number): Promise<number> {
  if ((await tryPort(port)) !== null) return port;
  throw new Trouble(
    `Port ${port} is taken by another program. Stop that one, or choose another port: npm start -- --port ${port + 1} (0 takes any free one).`,
  );
}
