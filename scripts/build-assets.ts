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
write("schemas/policy-v1.json", `${JSON.stringify(policyJsonSchema(), null, 2)}\n`);
cpSync(join(import.meta.dirname, "../src/web/assets"), join(folder, "assets"), { recursive: true });

function write(path: string, text: string): void {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
