import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { canary } from "./test/support/canary.ts";

// Two suites: `runtime` runs inside workerd with real D1 and Durable Objects; `http` drives `wrangler dev` from outside
// with real clients, because the in-process runner allows eval and production does not.
export default defineConfig({
  test: {
    projects: [
      {
        plugins: [
          cloudflareTest(async () => ({
            main: "./src/index.ts",
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              serviceBindings: { CANARY: await canary() },
              bindings: {
                MIGRATIONS: await readD1Migrations("./migrations"),
                PUBLIC_ORIGIN: "http://localhost",
                ALLOW_LOOPBACK_UPSTREAMS: "true",
                // RFC 8037, appendix A.1.
                SIGNING_KEYS: JSON.stringify([
                  {
                    kty: "OKP",
                    crv: "Ed25519",
                    d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
                    x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                  },
                ]),
                MASTER_KEYS: "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
              },
            },
          })),
        ],
        // Sizes and seeds, as test/support/size.ts reads them.
        envPrefix: [
          "VITE_",
          "ORACLE_",
          "LIMIT_",
          "FRAME_",
          "DOCUMENT_",
          "APPROVAL_",
          "TAMPER_",
          "REQUEST_",
          "FAULT_",
          "SSRF_",
          "TOKEN_",
        ],
        test: {
          name: "runtime",
          include: ["test/*/**/*.test.ts"],
          exclude: ["test/http/**"],
          // A test that hangs fails; one that is slow because the machine is busy does not.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "http",
          include: ["test/http/**/*.test.ts"],
          globalSetup: ["test/http/setup.ts"],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
