import { type Fault, fault } from "../fault.ts";
import type { Budget } from "./bucket.ts";
import type { ThrottleStub } from "./throttle.ts";

const minuteMs = 60_000;

/** Secrets that somebody could guess at, and how often an account takes a wrong one. */
const guesses = {
  password: { burst: 10, everyMs: 5 * minuteMs },
  second_factor: { burst: 5, everyMs: 5 * minuteMs },
} as const satisfies Record<string, Budget>;
export type Guess = keyof typeof guesses;

/** Wrong guesses from one address, at whichever accounts: an office behind one address makes mistakes, too. */
const guessesByAddress: Budget = { burst: 30, everyMs: minuteMs };

/** What is done for whoever asks, and how often one account or address may. */
const deeds = {
  sign_up: { burst: 20, everyMs: 3 * minuteMs },
  reset_mail: { burst: 3, everyMs: 60 * minuteMs },
  mail_by_address: { burst: 20, everyMs: 3 * minuteMs },
  confirmation_mail: { burst: 5, everyMs: 12 * minuteMs },
  script_token: { burst: 30, everyMs: 2 * minuteMs },
  register_client: { burst: 60, everyMs: minuteMs },
  consent: { burst: 120, everyMs: 10_000 },
  sso: { burst: 60, everyMs: 5_000 },
  token: { burst: 600, everyMs: 500 },
} as const satisfies Record<string, Budget>;
export type Deed = keyof typeof deeds;

/** Where a request comes from: what counts it, and its network (`addressOf`). */
export interface Whence {
  readonly throttle: (subject: string) => ThrottleStub;
  readonly address: string | null;
}

/** A guess that was let through. */
export interface Attempt {
  /** It was right: it does not count, and its address is known to the account from now on. */
  succeeded(): Promise<void>;
}

/**
 * Lets a guess at an account's secret through, or says when to come back. `account` is the address that was given, in
 * lower case, whether anybody has it or not: so the answer does not tell. Taken before the secret is looked at, so that
 * guesses at the same time count too.
 */
export async function attempt(
  what: Guess,
  account: string,
  { throttle, address }: Whence,
): Promise<Attempt | Fault> {
  const source = address === null ? null : throttle(`address ${address}`);
  // Who tries too much elsewhere must not use up an account's budget besides.
  const sourceWaitMs = (await source?.take("guess", guessesByAddress, null)) ?? 0;
  if (sourceWaitMs > 0) return throttled(sourceWaitMs);
  const target = throttle(`account ${account}`);
  const waitMs = await target.take(what, guesses[what], address);
  if (waitMs > 0) return throttled(waitMs);
  return {
    async succeeded() {
      await Promise.all([
        target.succeed(what, guesses[what], address),
        source?.giveBack("guess", guessesByAddress, null),
      ]);
    },
  };
}

/** Knows the address to the account from now on: its owner has shown in another way that they are there. */
export const know = (account: string, { throttle, address }: Whence): Promise<void> =>
  throttle(`account ${account}`).know(address);

/** Counts a deed of an account's or an address's; the refusal says when to come back. */
export async function ration(
  what: Deed,
  subject: string,
  { throttle }: Pick<Whence, "throttle">,
): Promise<Fault | null> {
  const waitMs = await throttle(subject).take(what, deeds[what], null);
  return waitMs > 0 ? throttled(waitMs) : null;
}

function throttled(waitMs: number): Fault {
  const retryAfterS = Math.ceil(waitMs / 1000);
  return {
    ...fault("throttled", `There were too many tries. Wait ${retryAfterS} seconds before the next one.`),
    retryAfterS,
  };
}

/**
 * The network that a request comes from, as the platform says it (`CF-Connecting-IP`); null on loopback, where whoever
 * asks could write the header. Of IPv6 the first 64 bits: one household has all addresses below them (RFC 6177 §2).
 */
export function addressOf(header: (name: string) => string | null, origin: string): string | null {
  const given = header("CF-Connecting-IP");
  if (given === null || /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(new URL(origin).hostname)) return null;
  if (given.includes(".") || !given.includes(":")) return given;
  const [front = [], back] = given.split("::").map((part) => part.split(":"));
  const zeros = back === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  const groups = [...front, ...Array<string>(zeros).fill("0"), ...(back ?? [])];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group || "0", 16).toString(16))
    .join(":")}::/64`;
}
