import { createHmac, timingSafeEqual } from "node:crypto";
import { base64url } from "jose";
import type { GrantId, ServerId, TeamId } from "../id.ts";
import type { HandleKind } from "../mcp/handle.ts";
import type { MasterKeys } from "./aead.ts";

/** Through whom a server has given a handle out: for anybody else it does not open. */
export interface HandleOwner {
  readonly team: TeamId;
  readonly grant: GrantId;
  /** Null where the handle itself names it. */
  readonly server: ServerId | null;
}

const tagBytes = 16;
const bound = /^([1-9][0-9]{0,8})\.([A-Za-z0-9_-]{22})\.(.*)$/s;

/**
 * The text that the client gets for a server's handle: the handle behind a tag. What is in it is the client's to know
 * anyway. One handle always has one text, because clients compare the ids of tasks.
 */
export function bindHandle(master: MasterKeys, owner: HandleOwner, kind: HandleKind, handle: string): string {
  const tag = tagOf(master, master.current, owner, kind, handle);
  if (!tag) throw new Error("the current master key is not among the master keys");
  return `${master.current}.${base64url.encode(tag)}.${handle}`;
}

/** The handle behind a client's text, or null where it was not given to this owner. */
export function openHandle(
  master: MasterKeys,
  owner: HandleOwner,
  kind: HandleKind,
  text: string,
): string | null {
  const [, version, tag, handle] = bound.exec(text) ?? [];
  if (version === undefined || tag === undefined || handle === undefined) return null;
  const wanted = tagOf(master, Number(version), owner, kind, handle);
  return wanted && timingSafeEqual(base64url.decode(tag), wanted) ? handle : null;
}

function tagOf(
  master: MasterKeys,
  version: number,
  { team, grant, server }: HandleOwner,
  kind: HandleKind,
  handle: string,
): Uint8Array | null {
  const secret = master.keys.get(version);
  if (!secret) return null;
  // A key of its own (RFC 5869, expand), so that no other use of the master key makes or takes these tags.
  const key = createHmac("sha256", secret).update("portcullis handle\u0001").digest();
  // As a JSON array, so that no two lists of parts have one text.
  const parts = JSON.stringify([version, kind, team, grant, server, handle]);
  return createHmac("sha256", key).update(parts, "utf8").digest().subarray(0, tagBytes);
}
