import { base64url } from "jose";
import type { HookId, Random, TeamId } from "../id.ts";
import { derivedKey, type MasterKeys, openBytes, sealBytes, versionOf } from "./aead.ts";

const secretBytes = 24;
const purpose = "webhook secret";

/** A new secret as its owner is shown it, once: `whsec_` and base64 (Standard Webhooks, signature scheme). */
export const newHookSecret = (random: Random): string => `whsec_${base64Of(random(secretBytes))}`;

/** Seals a hook's secret to that hook. */
export async function sealHookSecret(
  master: MasterKeys,
  team: TeamId,
  hook: HookId,
  secret: string,
  random: Random,
): Promise<string> {
  const key = await derivedKey(master, master.current, purpose);
  if (!key) throw new Error("the current master key is not among the master keys");
  return sealBytes(key, master.current, [purpose, team, hook], new TextEncoder().encode(secret), random);
}

/** The secret in clear, or null where keys, place or record do not fit. */
export async function openHookSecret(
  master: MasterKeys,
  team: TeamId,
  hook: HookId,
  sealed: string,
): Promise<string | null> {
  const key = await derivedKey(master, versionOf(sealed) ?? 0, purpose);
  const secret = key && (await openBytes(key, [purpose, team, hook], sealed));
  return secret && new TextDecoder().decode(secret);
}

/** `v1,` and the HMAC-SHA-256 in base64 over id, time in seconds and body, as Standard Webhooks joins them. */
export async function signHook(secret: string, id: string, seconds: number, body: string): Promise<string> {
  const bytes = Uint8Array.from(atob(secret.slice("whsec_".length)), (character) => character.charCodeAt(0));
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signed = new TextEncoder().encode(`${id}.${seconds}.${body}`);
  return `v1,${base64Of(new Uint8Array(await crypto.subtle.sign("HMAC", key, signed)))}`;
}

function base64Of(bytes: Uint8Array): string {
  const text = base64url.encode(bytes).replaceAll("-", "+").replaceAll("_", "/");
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}
