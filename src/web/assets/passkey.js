// What pages share about passkeys: asking the API, and asking the browser.

/** Whether this browser can. */
export const hasPasskeys =
  "PublicKeyCredential" in globalThis && "parseRequestOptionsFromJSON" in PublicKeyCredential;

/** Asks the API; throws an Error with its words where it refuses. What changes something is JSON, though there be nothing to say. */
export async function ask(method, path, body = {}) {
  const json = { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, { method, ...(method === "GET" ? {} : json) });
  const text = await answer.text();
  const told = text === "" ? {} : JSON.parse(text);
  if (!answer.ok)
    throw Object.assign(new Error(told.detail ?? "It did not work."), { status: answer.status });
  return told;
}

/** Has the browser show a passkey for these options. */
export async function showPasskey(options) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return (await navigator.credentials.get({ publicKey })).toJSON();
}

/** Has the browser make a passkey. */
export async function makePasskey(options) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return (await navigator.credentials.create({ publicKey })).toJSON();
}

/** Runs what a button or form is for, and says at `place` what went wrong. */
export async function run(button, place, work) {
  place.textContent = "";
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    // A person who closes the browser's window gets this; every other message is the API's own.
    const closed = error instanceof DOMException;
    place.textContent = closed ? "The browser has shown no passkey. Try again." : error.message;
  } finally {
    button.disabled = false;
  }
}
