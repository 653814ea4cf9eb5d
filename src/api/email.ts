import * as z from "zod/mini";

/** An e-mail address as requests give it; in lower case, because two spellings of one address are one person. */
export const email = z.email("not an e-mail address").check(z.maxLength(254), z.toLowerCase());
