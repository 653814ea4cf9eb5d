import type { OpenApi, OpenApiOperation, Parameter } from "../src/api/openapi.ts";
import { type FaultCode, faultCodes, wire } from "../src/fault.ts";

/** The API's documentation as one static page: no script, nothing from elsewhere. */
export function docsPage(api: OpenApi): string {
  const all = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const byTag = Map.groupBy(all, ({ operation }) => operation.tags[0] ?? "");
  const sections = [...byTag].map(([tag, found]) => `<h2>${html(tag)}</h2>${found.map(entry).join("")}`);
  const contents = [...byTag].map(
    ([tag, found]) =>
      `<li>${html(tag)}<ul>${found.map(({ operation }) => link(operation)).join("")}</ul></li>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${html(api.info.title)}</title>
<link rel="stylesheet" href="/assets/docs.css">
<main>
<h1>${html(api.info.title)}</h1>
<p>${html(api.info.description)} The same as OpenAPI 3.1: <a href="openapi.json">openapi.json</a>.</p>
<p>Send and expect JSON. Sign in with <code>POST /v1/login</code> and send its token as
<code>Authorization: Bearer …</code>. Times are RFC 3339 in UTC. Lists answer <code>items</code> and
<code>next_cursor</code>; give that as <code>cursor</code> for the next page.</p>
<nav><ul>${contents.join("")}<li><a href="#schemas">Schemas</a></li><li><a href="#errors">Errors</a></li></ul></nav>
${sections.join("\n")}
<h2 id="schemas">Schemas</h2>
${Object.entries(api.components.schemas).map(schemaEntry).join("\n")}
<h2 id="errors">Errors</h2>
<p>Every refusal is <code>application/problem+json</code> (RFC 9457). <code>errors</code> lists each mistake with a JSON
pointer to its place in the request.</p>
<table><tr><th>code<th>status<th>title</tr>${faultCodes.map(faultRow).join("")}</table>
</main>
</html>
`;
}

interface Entry {
  path: string;
  method: string;
  operation: OpenApiOperation;
}

const link = (operation: OpenApiOperation): string =>
  `<li><a href="#${operation.operationId}">${html(operation.summary)}</a></li>`;

function entry({ path, method, operation }: Entry): string {
  const { operationId, summary, description, parameters, requestBody, responses } = operation;
  const answers = Object.entries(responses).filter(([status]) => !status.endsWith("XX"));
  return `<section id="${operationId}">
<h3><code>${method.toUpperCase()} ${html(path)}</code></h3>
<p>${html(summary)}. ${html(description)}</p>
${parameters.length > 0 ? `<table><tr><th>parameter<th>in<th></tr>${parameters.map(parameterRow).join("")}</table>` : ""}
${requestBody ? schema("Body", requestBody.content) : ""}
${answers.map(([status, answer]) => schema(`${status}: ${answer.description}`, answer.content)).join("")}
</section>`;
}

const parameterRow = (parameter: Parameter): string => {
  const text = parameter.description ?? parameter.schema["description"] ?? "";
  return `<tr><td><code>${html(parameter.name)}</code><td>${parameter.in}<td>${html(String(text))}</tr>`;
};

const schema = (title: string, content?: Record<string, { schema: unknown }>): string =>
  content
    ? `<details><summary>${html(title)}</summary>${json(Object.values(content)[0]?.schema)}</details>`
    : `<p>${html(title)}</p>`;

const schemaEntry = ([name, shape]: [string, unknown]): string =>
  `<details id="schema-${name}"><summary>${html(name)}</summary>${json(shape)}</details>`;

// A reference becomes a link to the schema it names.
const json = (value: unknown): string =>
  `<pre>${html(JSON.stringify(value, null, 2)).replaceAll(
    /#\/components\/schemas\/(\w+)/g,
    '<a href="#schema-$1">$1</a>',
  )}</pre>`;

function faultRow(code: FaultCode): string {
  const { status, title } = wire(code);
  return `<tr id="${code}"><td><code>${code}</code><td>${status}<td>${html(title)}</tr>`;
}

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const html = (text: string): string => text.replaceAll(/[&<>"]/g, (found) => entities[found] ?? found);

export const docsStyle = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
section { border-top: 1px solid #8884; padding: 0.5rem 0; }
h3 code { font-size: 1rem; }
pre { overflow-x: auto; background: #8881; padding: 0.75rem; font-size: 0.85rem; }
table { border-collapse: collapse; }
td, th { text-align: left; vertical-align: top; padding: 0.2rem 1rem 0.2rem 0; }
summary { cursor: pointer; }
`;
