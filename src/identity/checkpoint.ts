import { CompactSign, compactVerify, errors } from "jose";
import type { Statement } from "../audit/checkpoint.ts";
import { algorithm, type KeySet } from "./keys.ts";

// Not a JWT's `typ`, so that no checkpoint is ever taken for a token.
const typ = "portcullis-checkpoint";

/** Signs a statement about a team's log with the set's first key, as a compact JWS. */
export function signCheckpoint(statement: Statement, keys: KeySet): Promise<string> {
  const { team, n, hash, at } = statement;
  return new CompactSign(new TextEncoder().encode(JSON.stringify({ team, n, hash, at })))
    .setProtectedHeader({ alg: algorithm, typ, kid: keys.signer.kid })
    .sign(keys.signer.key);
}

/** What a checkpoint says, where one of `keys` signed it; null for anything else. */
export async function readCheckpoint(jws: string, keys: KeySet): Promise<Statement | null> {
  try {
    const { payload, protectedHeader } = await compactVerify(
      jws,
      ({ kid }) => {
        const key = keys.verifiers.get(kid ?? "");
        if (!key) throw new errors.JWKSNoMatchingKey();
        return key;
      },
      { algorithms: [algorithm] },
    );
    return protectedHeader.typ === typ ? statementOf(JSON.parse(new TextDecoder().decode(payload))) : null;
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof SyntaxError) return null;
    throw error;
  }
}

function statementOf(given: Partial<Statement>): Statement | null {
  const { team, n, hash, at } = given;
  if (typeof team !== "string" || typeof n !== "number") return null;
  return typeof hash === "string" && typeof at === "string" ? { team, n, hash, at } : null;
}
