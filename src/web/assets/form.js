// What the pages' forms do: send their fields to the API as JSON, and say what it answers. The API judges; nothing is
// written but as text.

// Behind the # stands a mail's secret. It goes to the API with a form, and from page to page behind the #, never in a query.
const secret = location.hash.slice(1);

for (const input of document.querySelectorAll("input[data-secret]")) input.value = secret;
if (secret) for (const link of document.querySelectorAll("a[data-keep-secret]")) link.hash = secret;
for (const form of document.querySelectorAll("form[data-post]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(form);
  });
}

async function send(form) {
  const button = form.querySelector("button");
  show(form, "", []);
  button.disabled = true;
  try {
    const answer = await fetch(form.dataset.post, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(Object.fromEntries(new FormData(form))),
    });
    const text = await answer.text();
    const body = text === "" ? {} : JSON.parse(text);
    if (answer.ok) succeed(form, body);
    else show(form, told(answer.status, body), body.errors ?? []);
  } catch {
    show(form, "The gateway did not answer. Try again.", []);
  } finally {
    button.disabled = false;
  }
}

/** Goes where the page was to lead, with the secret that came along. */
export const leaveFor = (next) => location.assign(secret && !next.includes("#") ? `${next}#${secret}` : next);

function succeed(form, body) {
  if (body.second_factor) return askSecondFactor(form, body.second_factor);
  if (body.authorize_url) return location.assign(body.authorize_url);
  const { next } = form.dataset;
  if (next) return leaveFor(next);
  const done = document.getElementById(`${form.id}-done`);
  form.hidden = true;
  done.hidden = false;
  done.focus();
}

/** The password was right, and the person has set up a second factor. */
function askSecondFactor(form, factor) {
  const second = document.getElementById("second-factor");
  const input = document.createElement("input");
  Object.assign(input, { type: "hidden", name: "challenge", value: factor.challenge });
  second.append(input);
  form.hidden = true;
  second.hidden = false;
  second.querySelector("input:not([type=hidden])").focus();
  document.dispatchEvent(new CustomEvent("second-factor", { detail: factor }));
}

const told = (status, { detail }) =>
  status === 401 && document.querySelector("input[data-secret], a[data-signed-in]")
    ? "Sign in first."
    : (detail ?? "It did not work.");

/** Says what is wrong, at the fields that are meant, and takes the reader there. */
function show(form, problem, errors) {
  form.querySelector(".problem").textContent = problem;
  for (const input of form.querySelectorAll("input:not([type=hidden])")) {
    const mistake = errors.find(({ pointer }) => pointer === `/${input.name}`)?.message ?? "";
    document.getElementById(`${input.id}-mistake`).textContent = mistake;
    input.setAttribute("aria-invalid", String(mistake !== ""));
  }
  form.querySelector("[aria-invalid=true]")?.focus();
}
