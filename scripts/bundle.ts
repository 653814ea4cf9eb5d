import { bundle } from "./start/bundle.ts";

// What wrangler runs before it serves or deploys the Worker (wrangler.toml, [build]). Served on this machine it stays
// readable, for what the log tells of errors.
await bundle({ minify: process.env["WRANGLER_COMMAND"] !== "dev" });
