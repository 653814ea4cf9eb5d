import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { openApi } from "../src/api/openapi.ts";
import { operations } from "../src/api/operations.ts";
import { policyJsonSchema } from "../src/policy/json-schema.ts";
import { docsPage, docsStyle } from "./docs_page.ts";
import { landingPage } from "./landing_page.ts";

// What the Worker serves as static files, made from the code that it runs.
const folder = join(import.meta.dirname, "../public");
const document = openApi(operations);

write("index.html", landingPage);
write("v1/openapi.json", `${JSON.stringify(document, null, 2)}\n`);
write("v1/docs.html", docsPage(document));
write("assets/docs.css", docsStyle);
// What the Worker says of its own pages (src/web/page.ts), for those that reach the browser without it.
write(
  "_headers",
  `/*
  Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
  X-Content-Type-Options: nosniff
  Referrer-Policy: no-referrer
  Strict-Transport-Security: max-age=63072000; includeSubDomains
`,
);
write("schemas/policy-v1.json", `${JSON.stringify(policyJsonSchema(), null, 2)}\n`);
cpSync(join(import.meta.dirname, "../src/web/assets"), join(folder, "assets"), { recursive: true });

function write(path: string, text: string): void {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
