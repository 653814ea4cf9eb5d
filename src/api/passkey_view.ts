import * as z from "zod/mini";
import type { Passkey } from "../store/passkey.ts";
import { timestamp } from "./reply.ts";

export const passkeyName = z.string().check(z.trim(), z.minLength(1), z.maxLength(80));

export const passkeyShape = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    created_at: z.iso.datetime(),
    used_at: z.nullable(z.iso.datetime()),
  })
  .register(z.globalRegistry, { id: "Passkey" });

export const showPasskey = ({ id, name, createdAt, usedAt }: Passkey) => ({
  id,
  name,
  created_at: timestamp(createdAt),
  used_at: usedAt === null ? null : timestamp(usedAt),
});
