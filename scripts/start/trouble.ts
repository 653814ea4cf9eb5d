/** Something a person can mend, told in one clear sentence; anything else that is thrown is a bug and shows its stack. */
export class Trouble extends Error {
  override readonly name = "Trouble";
}

/** What to print for whatever was thrown. */
export function reportOf(error: unknown): string {
  if (error instanceof Trouble) return error.message;
  return `This should not happen; please report it:\n${error instanceof Error ? error.stack : String(error)}`;
}
