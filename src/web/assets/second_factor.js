// What a person has set up beside their password, and adding to it.

import { ask, hasPasskeys, makePasskey, run, showPasskey } from "./passkey.js";

const part = (id) => document.getElementById(id);

void show();

async function show() {
  const found = await ask("GET", "/v1/me/second-factors").catch(() => null);
  part("signed-out").hidden = found !== null;
  part("signed-in").hidden = found === null;
  if (found === null) return;
  const { totp, passkeys, recovery_codes_left: left } = found;
  const lines = [
    ...(totp ? ["An authenticator app"] : []),
    ...passkeys.map(({ name }) => `The passkey “${name}”`),
    ...(totp || passkeys.length > 0 ? [`${left} recovery codes`] : ["Nothing yet"]),
  ];
  part("factors").replaceChildren(
    ...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })),
  );
  const some = totp !== null || passkeys.length > 0;
  for (const proof of document.querySelectorAll(".proof")) proof.hidden = !some;
  part("app-section").hidden = totp !== null;
  part("change-section").hidden = !some;
  part("change-what").replaceChildren(
    ...(totp ? [new Option("Remove the authenticator app", "DELETE /v1/me/totp")] : []),
    ...passkeys.map(
      ({ id, name }) => new Option(`Remove the passkey “${name}”`, `DELETE /v1/me/passkeys/${id}`),
    ),
    new Option("Make new recovery codes", "POST /v1/me/recovery-codes"),
  );
  part("passkey").hidden = !hasPasskeys;
}

/** The password, and what proves the second factor of who has one. */
async function confirmation(form) {
  const password = form.elements.password.value;
  if (form.querySelector(".proof").hidden) return { password };
  const { challenge, passkey_options: options } = await ask("POST", "/v1/me/second-factors/challenge");
  const code = form.elements.proof.value;
  const proof = code === "" && options ? { passkey: await showPasskey(options) } : { code };
  return { password, second_factor: { challenge, ...proof } };
}

function onSubmit(form, work) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void run(form.querySelector("button"), form.querySelector(".problem"), async () => {
      await work();
      form.reset();
      await show();
    });
  });
}

function showCodes({ recovery_codes: codes }) {
  if (!codes) return;
  part("codes").querySelector("pre").textContent = codes.join("\n");
  part("codes").hidden = false;
  part("codes").focus();
}

onSubmit(part("passkey"), async () => {
  const { challenge, options } = await ask(
    "POST",
    "/v1/me/passkeys/options",
    await confirmation(part("passkey")),
  );
  const name = part("passkey").elements.name.value;
  showCodes(await ask("POST", "/v1/me/passkeys", { challenge, name, passkey: await makePasskey(options) }));
});

onSubmit(part("change"), async () => {
  const form = part("change");
  const [method, path] = form.elements.what.value.split(" ");
  showCodes(await ask(method, path, await confirmation(form)));
});

onSubmit(part("app"), async () => {
  const { secret, otpauth_uri: uri } = await ask("POST", "/v1/me/totp", await confirmation(part("app")));
  part("app-key").textContent = secret.match(/.{1,4}/g).join(" ");
  part("app-link").href = uri;
  part("app").hidden = true;
  part("app-code").hidden = false;
});

onSubmit(part("app-code"), async () => {
  showCodes(await ask("POST", "/v1/me/totp/confirm", { code: part("app-code").elements.code.value }));
});
