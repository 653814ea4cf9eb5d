import * as z from "zod/mini";
import type { UserId } from "../id.ts";
import type { Call } from "./operation.ts";

/** What a sign-in still lacks when the password was right: answered to with `POST /v1/login/second-factor`. */
export const secondFactorShape = z.strictObject({
  challenge: z.string().check(z.describe("Names this sign-in for a few minutes; it opens nothing.")),
  methods: z.array(z.enum(["totp", "passkey", "recovery_code"])),
});

/** The challenge of a person who has set up a second factor; null for everybody else. */
export async function secondFactorOf(
  _call: Pick<Call<unknown, unknown>, "deps" | "nowMs">,
  _user: UserId,
): Promise<z.output<typeof secondFactorShape> | null> {
  return null;
}
