import { env } from "cloudflare:test";
import { parse, stringify } from "lossless-json";

/** What a server with some parser would understand of a forwarded body. `args` is compact, numbers as written. */
export interface Understood {
  readonly method: string | null;
  readonly name: string | null;
  readonly args: string | null;
}

interface Call {
  readonly method?: string;
  readonly params?: { readonly name?: string; readonly uri?: string; readonly arguments?: unknown };
}

const understood = ({ method, params }: Call, write: (value: unknown) => string | undefined): Understood => ({
  method: method ?? null,
  name: params?.name ?? params?.uri ?? null,
  args: params?.arguments === undefined ? null : (write(params.arguments) ?? null),
});

/** V8's own parser: what most servers in JavaScript run. It rounds numbers, so they are compared as it reads them. */
export const byV8 = (body: string): Understood => understood(JSON.parse(body), JSON.stringify);

/** A parser from npm that keeps every digit and refuses a key that comes twice. */
export const byNpm = (body: string): Understood => understood(parse(body) as Call, stringify);

/** SQLite's parser, which is written in C, folds nothing and takes the first of two keys. */
export async function bySqlite(bodies: readonly string[]): Promise<Understood[]> {
  const question = env.DB.prepare(
    `SELECT json_extract(value, '$.method') AS method,
            coalesce(json_extract(value, '$.params.name'), json_extract(value, '$.params.uri')) AS name,
            json_extract(value, '$.params.arguments') AS args
       FROM json_each(?1) ORDER BY key`,
  );
  return (await question.bind(JSON.stringify(bodies)).all<Understood>()).results;
}
