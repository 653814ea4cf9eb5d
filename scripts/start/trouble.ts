/** Something a person can mend, told in one clear sentence; anything else that is thrown is a bug and shows its stack. */
export class Trouble extends Error {
  override readonly name = "Trouble";
}
