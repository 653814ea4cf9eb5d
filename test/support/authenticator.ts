import { webcrypto } from "node:crypto";

type Bytes = Uint8Array<ArrayBuffer>;

/** What an authenticator can be told to do otherwise than it should. */
export interface Twist {
  readonly origin?: string;
  readonly rpId?: string;
  readonly type?: string;
  readonly challenge?: string;
  readonly crossOrigin?: boolean;
  /** Without it nobody was asked for a finger or a PIN. */
  readonly userVerified?: boolean;
  readonly userPresent?: boolean;
  readonly counter?: number;
  readonly userHandle?: string | null;
  readonly credential?: string;
}

interface Options {
  readonly challenge: string;
  readonly rp?: { readonly id: string };
  readonly rpId?: string;
  readonly user?: { readonly id: string };
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
const utf8 = (text: string): Bytes => new Uint8Array(Buffer.from(text));
const sha256 = async (bytes: Bytes): Promise<Bytes> =>
  new Uint8Array(await webcrypto.subtle.digest("SHA-256", bytes));
const joined = (...parts: readonly Uint8Array[]): Bytes => new Uint8Array(Buffer.concat(parts));

/** A passkey in software, as WebAuthn level 3 describes one: P-256, no attestation, discoverable. */
export class Authenticator {
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #origin: string;
  readonly id: string;
  #counter = 0;
  #user = "";

  private constructor(keys: webcrypto.CryptoKeyPair, origin: string) {
    this.#keys = keys;
    this.#origin = origin;
    this.id = base64url(webcrypto.getRandomValues(new Uint8Array(32)));
  }

  static async at(origin: string): Promise<Authenticator> {
    const how = { name: "ECDSA", namedCurve: "P-256" };
    const keys = await webcrypto.subtle.generateKey(how, true, ["sign", "verify"]);
    return new Authenticator(keys, origin);
  }

  /** What `navigator.credentials.create` would give. */
  async create(options: Options, twist: Twist = {}) {
    this.#user = options.user?.id ?? "";
    const clientDataJSON = this.#clientData("webauthn.create", options, twist);
    const { x = "", y = "" } = await webcrypto.subtle.exportKey("jwk", this.#keys.publicKey);
    // COSE_Key, RFC 9052 §7: {1: 2, 3: -7, -1: 1, -2: x, -3: y}.
    const coordinates = [x, y].map((one) => Buffer.from(one, "base64url"));
    const cose = joined(
      Buffer.from("a5010203262001215820", "hex"),
      coordinates[0] ?? Buffer.alloc(0),
      Buffer.from("225820", "hex"),
      coordinates[1] ?? Buffer.alloc(0),
    );
    const id = Buffer.from(this.id, "base64url");
    const attested = joined(new Uint8Array(16), new Uint8Array([id.length >> 8, id.length & 255]), id, cose);
    const authData = await this.#authData(options.rp?.id ?? "", 0x40, attested, twist);
    // {"fmt": "none", "attStmt": {}, "authData": …}
    const head = Buffer.from("a363666d74646e6f6e656761747453746d74a0686175746844617461", "hex");
    const length = Buffer.from([0x59, authData.length >> 8, authData.length & 255]);
    const attestationObject = base64url(joined(head, length, authData));
    const response = {
      clientDataJSON: base64url(clientDataJSON),
      attestationObject,
      transports: ["internal"],
    };
    return { id: this.id, rawId: this.id, type: "public-key", clientExtensionResults: {}, response };
  }

  /** What `navigator.credentials.get` would give. */
  async get(options: Options, twist: Twist = {}) {
    const clientDataJSON = this.#clientData("webauthn.get", options, twist);
    const authData = await this.#authData(options.rpId ?? "", 0, new Uint8Array(), twist);
    const signed = joined(authData, await sha256(clientDataJSON));
    const how = { name: "ECDSA", hash: "SHA-256" };
    const raw = new Uint8Array(await webcrypto.subtle.sign(how, this.#keys.privateKey, signed));
    const id = twist.credential ?? this.id;
    const response = {
      clientDataJSON: base64url(clientDataJSON),
      authenticatorData: base64url(authData),
      signature: base64url(der(raw)),
      userHandle: twist.userHandle === undefined ? this.#user : twist.userHandle,
    };
    return { id, rawId: id, type: "public-key", clientExtensionResults: {}, response };
  }

  #clientData(type: string, { challenge }: Options, twist: Twist): Bytes {
    const { origin = this.#origin, crossOrigin = false } = twist;
    const data = { type: twist.type ?? type, challenge: twist.challenge ?? challenge, origin, crossOrigin };
    return utf8(JSON.stringify(data));
  }

  async #authData(rpId: string, flags: number, attested: Uint8Array, twist: Twist): Promise<Bytes> {
    const { userVerified = true, userPresent = true } = twist;
    const all = flags | (userPresent ? 1 : 0) | (userVerified ? 4 : 0);
    this.#counter++;
    const count = Buffer.alloc(4);
    count.writeUInt32BE(twist.counter ?? this.#counter);
    return joined(await sha256(utf8(twist.rpId ?? rpId)), new Uint8Array([all]), count, attested);
  }
}

/** An ECDSA signature as WebAuthn has it (§6.5.5): ASN.1 DER in the place of WebCrypto's two halves. */
function der(raw: Uint8Array): Buffer {
  const integers = [raw.subarray(0, 32), raw.subarray(32)].map((half) => {
    const start = half.findIndex((byte) => byte !== 0);
    const digits = half.subarray(start);
    const bytes = (digits[0] ?? 0) > 127 ? [0, ...digits] : [...digits];
    return [2, bytes.length, ...bytes];
  });
  const body = integers.flat();
  return Buffer.from([0x30, body.length, ...body]);
}
