// Passkeys on the sign-in page: in the place of the password, and behind it.

import { leaveFor } from "./form.js";
import { ask, hasPasskeys, run, showPasskey } from "./passkey.js";

const alone = document.getElementById("by-passkey");
const behind = document.getElementById("second-by-passkey");
const { next } = document.getElementById("sign-in").dataset;

alone.hidden = !hasPasskeys;
onClick(alone, async () => {
  const { challenge, options } = await ask("POST", "/v1/login/passkey/options");
  await ask("POST", "/v1/login/passkey", { challenge, passkey: await showPasskey(options) });
  leaveFor(next);
});

// From form.js: the password was right.
document.addEventListener("second-factor", ({ detail }) => {
  alone.hidden = true;
  behind.hidden = !hasPasskeys || !detail.passkey_options;
  onClick(behind, async () => {
    const passkey = await showPasskey(detail.passkey_options);
    await ask("POST", "/v1/login/second-factor", { challenge: detail.challenge, passkey });
    leaveFor(next);
  });
});

function onClick(part, work) {
  const [button, problem] = [part.querySelector("button"), part.querySelector(".problem")];
  button.addEventListener("click", () => void run(button, problem, work));
}
