import type { D1Migration } from "cloudflare:test";
import type { GrantGate, SharedCounter, SignInThrottle, TeamLog, UpstreamAccount } from "../src/index.ts";

declare global {
  namespace Cloudflare {
    interface Env {
      DB: D1Database;
      GATES: DurableObjectNamespace<GrantGate>;
      LOGS: DurableObjectNamespace<TeamLog>;
      COUNTERS: DurableObjectNamespace<SharedCounter>;
      ACCOUNTS: DurableObjectNamespace<UpstreamAccount>;
      THROTTLES: DurableObjectNamespace<SignInThrottle>;
      ASSETS: Fetcher;
      MASTER_KEYS: string;
      SIGNING_KEYS: string;
      PUBLIC_ORIGIN: string;
      ALLOW_LOOPBACK_UPSTREAMS: string;
      MIGRATIONS: D1Migration[];
    }
  }
}
