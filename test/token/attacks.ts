import { base64url } from "jose";
import { authenticated, encoded, type Good, type Part, signature, signed } from "./forge.ts";

/** A name for what is wrong, and the token. */
export type Attack = readonly [what: string, token: string];

/** What RFC 8725, RFC 7515 §10 and the known failures of JWT libraries suggest, made of one token that is good. */
export async function attacksOn(good: Good): Promise<Attack[]> {
  const groups = [algorithms, keys, headers, types, issuers, audiences, subjects, times, signatures, texts];
  return (await Promise.all(groups.map((group) => group(good)))).flat();
}

const shown = (value: unknown): string => (value === undefined ? "absent" : JSON.stringify(value));

/** Our own key's word for one changed part: what we would never say, we must not believe either. */
async function said(
  good: Good,
  which: "header" | "claims",
  name: string,
  values: readonly unknown[],
): Promise<Attack[]> {
  return Promise.all(
    values.map(async (value): Promise<Attack> => {
      const parts = { header: good.header, claims: good.claims, [which]: { ...good[which], [name]: value } };
      return [`${name} ${shown(value)}`, await signed(parts.header, parts.claims, good.own)];
    }),
  );
}

async function algorithms(good: Good): Promise<Attack[]> {
  const { header, claims, ownPublic } = good;
  const names = ["none", "None", "NONE", "nOnE", "", " none", null, 0, [], ["EdDSA"], {}, "EdDSA ", "eddsa"];
  names.push("Ed25519", "Ed448", "ES256", "ES256K", "RS256", "PS256", "HS256", "dir", "A128KW", "ECDH-ES");
  const byUs = await said(good, "header", "alg", [undefined, ...names]);
  const unsigned = names.map(
    (alg): Attack => [`alg ${shown(alg)}, unsigned`, `${encoded({ ...header, alg })}.${encoded(claims)}.`],
  );
  const secrets: [string, Uint8Array][] = [
    ["the public key", base64url.decode(ownPublic.x ?? "")],
    ["the public key's text", new TextEncoder().encode(ownPublic.x)],
    ["the published key", new TextEncoder().encode(JSON.stringify(ownPublic))],
    ["the key's id", new TextEncoder().encode(String(header["kid"]))],
    ["a zero", new Uint8Array(1)],
    ["a word", new TextEncoder().encode("secret")],
  ];
  const macs = secrets.flatMap(([what, secret]) =>
    ["256", "384", "512"].map(async (size): Promise<Attack> => {
      const token = await authenticated({ ...header, alg: `HS${size}` }, claims, secret, `SHA-${size}`);
      return [`HS${size} under ${what}`, token];
    }),
  );
  return [...byUs, ...unsigned, ...(await Promise.all(macs))];
}

async function keys(good: Good): Promise<Attack[]> {
  const { header, claims, other, otherPublic } = good;
  const kids = [
    undefined,
    null,
    0,
    "",
    "nobody",
    "../../../../dev/null",
    "' OR '1'='1",
    "__proto__",
    "constructor",
  ];
  const more = [
    `${header["kid"]} `,
    ` ${header["kid"]}`,
    String(header["kid"]).toUpperCase(),
    [header["kid"]],
    {},
  ];
  const brought = {
    jwk: otherPublic,
    jku: "https://evil.example/jwks",
    x5u: "https://evil.example/x",
    x5c: ["MIIB"],
  };
  const own = Object.entries(brought).map(
    async ([name, value]): Promise<Attack> => [
      `${name} with its own signature`,
      await signed({ ...header, [name]: value }, claims, other),
    ],
  );
  const named: Attack = ["another key under our key's id", await signed(header, claims, other)];
  const unnamed = { ...header, kid: undefined, jwk: otherPublic };
  return [
    ...(await said(good, "header", "kid", [...kids, ...more])),
    ...(await Promise.all(own)),
    named,
    ["another key that says so", await signed(unnamed, claims, other)],
  ];
}

/** Our own signature under a header that we never write. */
async function headers(good: Good): Promise<Attack[]> {
  const extras: Part[] = [
    { jku: "https://evil.example/jwks" },
    { jwk: good.ownPublic },
    { x5u: "https://evil.example/x" },
    { x5c: ["MIIB"] },
    { x5t: "AAAA" },
    { "x5t#S256": "AAAA" },
    { crit: ["exp"] },
    { crit: [] },
    { crit: null },
    { crit: ["b64"], b64: false },
    { crit: ["b64"], b64: true },
    { b64: false },
    { b64: true },
    { crit: ["http://example.invalid/UNDEFINED"], "http://example.invalid/UNDEFINED": true },
    { cty: "JWT" },
    { zip: "DEF" },
    { enc: "A128GCM" },
    { p2c: 1, p2s: "AA" },
    { epk: good.otherPublic },
    { nonce: "n" },
    { url: "https://evil.example" },
    { iss: good.claims["iss"] },
    { unknown: 1 },
  ];
  return Promise.all(
    extras.map(
      async (extra): Promise<Attack> => [
        `header with ${shown(extra)}`,
        await signed({ ...good.header, ...extra }, good.claims, good.own),
      ],
    ),
  );
}

export const ourTypes = [
  "grant+jwt",
  "session+jwt",
  "script+jwt",
  "at+jwt",
  "rt+jwt",
  "challenge+jwt",
  "portcullis-checkpoint",
];

const types = (good: Good): Promise<Attack[]> => {
  const typ = String(good.header["typ"]);
  const others = ourTypes.filter((one) => one !== typ);
  return said(good, "header", "typ", [
    undefined,
    null,
    "",
    "JWT",
    "jwt",
    1,
    [typ],
    `${typ} `,
    typ.toUpperCase(),
    ...others,
  ]);
};

const issuers = (good: Good): Promise<Attack[]> => {
  const iss = String(good.claims["iss"]);
  const near = [
    `${iss}/`,
    `${iss}.evil.example`,
    `${iss} `,
    iss.toUpperCase(),
    iss.slice(0, -1),
    iss.replace(/^https?:/, ""),
  ];
  return said(good, "claims", "iss", [undefined, null, 0, "", [iss], {}, "https://evil.example", ...near]);
};

const audiences = (good: Good): Promise<Attack[]> => {
  const aud = String(good.claims["aud"]);
  const iss = String(good.claims["iss"]);
  const near = [
    aud.slice(0, -1),
    `${aud} `,
    ` ${aud}`,
    aud.toUpperCase(),
    `${aud}\u0000`,
    "*",
    iss,
    `portcullis:tm_${"0".repeat(25)}`,
  ];
  const others = [`${iss}/v1`, `${iss}/token`, `${iss}/v1#confirmation`].filter((one) => one !== aud);
  return said(good, "claims", "aud", [
    undefined,
    null,
    0,
    "",
    [],
    [aud],
    [aud, "x"],
    ["x", aud],
    {},
    ...near,
    ...others,
  ]);
};

async function subjects(good: Good): Promise<Attack[]> {
  const { sub, jti } = good.claims;
  const strange = (id: unknown) => [
    undefined,
    null,
    0,
    "",
    true,
    [id],
    { toString: id },
    `${id}\n`,
    ` ${id}`,
    String(id).toUpperCase(),
    String(id).slice(0, -1),
    `${id}0`,
    `srv_${String(id).slice(-26)}`,
  ];
  return [
    ...(await said(good, "claims", "sub", strange(sub))),
    ...(await said(good, "claims", "jti", strange(jti))),
  ];
}

async function times(good: Good): Promise<Attack[]> {
  const { iat, exp } = good.claims as { iat: number; exp: number };
  const never = [undefined, null, "", "never", String(exp), true, [exp], {}, -1, 0, 1, -exp, exp + 0.5];
  const tooFar = [exp + 10 * 365 * 86_400, 2 ** 53, 1e300, -1e300];
  const text = JSON.stringify(good.claims);
  // JSON has no NaN and no infinity, but has numbers that are read as one.
  const raw = ["1e999", "-1e999", "NaN", "Infinity", "0x7fffffff", `${exp}e0.`].map(
    async (number): Promise<Attack> => [
      `exp ${number} as it stands`,
      await signed(good.header, text.replace(`"exp":${exp}`, `"exp":${number}`), good.own),
    ],
  );
  return [
    ...(await said(good, "claims", "exp", [...never, iat - 1, ...tooFar])),
    ...(await said(good, "claims", "iat", [
      undefined,
      null,
      "",
      String(iat),
      [iat],
      {},
      iat + 0.5,
      exp,
      exp + 1,
      -1e300,
    ])),
    ...(await said(good, "claims", "nbf", [null, "", String(iat), [iat], {}, exp, exp + 3600, 1e300])),
    ...(await Promise.all(raw)),
  ];
}

// The order of Ed25519's group (RFC 8032 §5.1), by which a lax verifier lets S grow.
const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n;

function withS(sig: Uint8Array, change: (s: bigint) => bigint): string {
  let s = 0n;
  for (const byte of sig.slice(32).toReversed()) s = (s << 8n) | BigInt(byte);
  const changed = change(s);
  const bytes = Uint8Array.from({ length: 32 }, (_, i) => Number((changed >> BigInt(8 * i)) & 255n));
  return base64url.encode(new Uint8Array([...sig.slice(0, 32), ...bytes]));
}

async function signatures(good: Good): Promise<Attack[]> {
  const [head = "", body = "", sig = ""] = good.text.split(".");
  const bytes = base64url.decode(sig);
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = alphabet.indexOf(sig.slice(-1));
  const identity = new Uint8Array(64);
  identity[0] = 1;
  const standard = `+/${sig.slice(2)}`;
  const others: [string, string][] = [
    ["none", ""],
    ["one byte short", base64url.encode(bytes.slice(0, 63))],
    ["one byte long", base64url.encode(new Uint8Array([...bytes, 0]))],
    ["twice", sig + sig],
    ["zeros", base64url.encode(new Uint8Array(64))],
    ["ones", base64url.encode(new Uint8Array(64).fill(255))],
    ["the identity", base64url.encode(identity)],
    ["its halves swapped", base64url.encode(new Uint8Array([...bytes.slice(32), ...bytes.slice(0, 32)]))],
    ["S + L", withS(bytes, (s) => s + groupOrder)],
    ["S + 2L", withS(bytes, (s) => s + 2n * groupOrder)],
    ["L - S", withS(bytes, (s) => groupOrder - s)],
    ["another message's", base64url.encode(await signature(`${head}.${encoded({})}`, good.own))],
    ["the payload's alone", base64url.encode(await signature(body, good.own))],
    ["padded", `${sig}==`],
    ["in base64", standard],
    ["with a space", `${sig.slice(0, 10)} ${sig.slice(10)}`],
    ["with a line break", `${sig.slice(0, 10)}\n${sig.slice(10)}`],
    ...[1, 2, 3].map((bits): [string, string] => [
      `its spare bits ${bits}`,
      sig.slice(0, -1) + alphabet[last ^ bits],
    ]),
  ];
  return others.map(([what, other]): Attack => [`signature: ${what}`, `${head}.${body}.${other}`]);
}

async function texts(good: Good): Promise<Attack[]> {
  const [head = "", body = "", sig = ""] = good.text.split(".");
  const { header, claims, own } = good;
  const strange = ["null", "[]", '"x"', "1", "true", "", "{", "{}", '{"alg":"EdDSA"}'];
  const byUs = strange.flatMap((text) => [
    signed(text, claims, own).then((token): Attack => [`header ${text}`, token]),
    signed(header, text, own).then((token): Attack => [`claims ${text}`, token]),
  ]);
  const flattened = JSON.stringify({ protected: head, payload: body, signature: sig });
  const general = JSON.stringify({ payload: body, signatures: [{ protected: head, signature: sig }] });
  return [
    ...(await Promise.all(byUs)),
    ["nothing", ""],
    ["dots", ".."],
    ["two parts", `${head}.${body}`],
    ["four parts", `${good.text}.`],
    ["five parts", `${head}.${body}.${sig}.${body}.${sig}`],
    ["detached", `${head}..${sig}`],
    ["a dot before", `.${good.text}`],
    ["padded header", `${head}=.${body}.${sig}`],
    ["padded claims", `${head}.${body}=.${sig}`],
    ["flattened JSON", flattened],
    ["general JSON", general],
    ["the same in base64url", base64url.encode(good.text)],
    ["reversed", `${sig}.${body}.${head}`],
    ["a BOM before its header", `${base64url.encode(`\ufeff${JSON.stringify(header)}`)}.${body}.${sig}`],
    ["dots of another script", good.text.replaceAll(".", "\u3002")],
    ["encoded dots", good.text.replaceAll(".", "%2e")],
    ["a long tail", `${good.text}${"A".repeat(20_000)}`],
  ];
}
