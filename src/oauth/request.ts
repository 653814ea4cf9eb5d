import { type Refusal, refuse } from "./refusal.ts";

const formBytesMax = 32_768;

/** A body's text, counted while reading; null where it is longer, or not UTF-8. */
export async function readText(request: Request, bytesMax: number): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (request.body ?? []) as ReadableStream<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) return null;
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch {
    return null;
  }
}

/** Parameters by name. None is there twice, and an empty one is as good as none (RFC 6749 §3.1). */
export type Parameters = ReadonlyMap<string, string>;

/** The parameters of a query or a form, or which one is there twice. */
export function readParameters(text: string | URLSearchParams): Parameters | Refusal {
  const found = new Map<string, string>();
  const seen = new Set<string>();
  for (const [name, value] of new URLSearchParams(text)) {
    // RFC 8707 §2 allows several resources, and RFC 6749 §3.1 several of nothing.
    if (seen.has(name)) {
      const error = name === "resource" ? "invalid_target" : "invalid_request";
      return refuse(error, `The parameter ${name} may be there once only.`);
    }
    seen.add(name);
    if (value !== "") found.set(name, value);
  }
  return found;
}

/** The parameters of a form that was posted. */
export async function readForm(request: Request): Promise<Parameters | Refusal> {
  const media = request.headers.get("Content-Type") ?? "";
  if (!/^application\/x-www-form-urlencoded(?:;|$)/i.test(media)) {
    return refuse(
      "invalid_request",
      "Send the parameters as Content-Type: application/x-www-form-urlencoded.",
    );
  }
  const text = await readText(request, formBytesMax);
  return text === null
    ? refuse("invalid_request", `The body must be UTF-8 and ${formBytesMax} bytes at most.`)
    : readParameters(text);
}
