import { type Html, html } from "./html.ts";

/** One value that a form asks for; `name` is its key in the request's body. */
export interface Field {
  readonly name: string;
  readonly label: string;
  readonly type: "email" | "password" | "text";
  readonly autocomplete: string;
  readonly hint?: string;
}

export interface Form {
  readonly id: string;
  /** The operation that takes the fields as JSON. */
  readonly post: string;
  readonly fields: readonly Field[];
  readonly button: string;
  /** What the link's fragment holds goes along under this key. */
  readonly secret?: string;
  /** Where to go when it is done; without, `done` is said instead. */
  readonly next?: string;
  readonly done?: string;
  /** Not shown until the script asks for it. */
  readonly hidden?: boolean;
}

/** A form that `assets/form.js` sends to the API, and in which it writes what the API finds wrong. */
export const form = ({ id, post, fields, button, secret, next, done, hidden }: Form): Html => html`
<form id="${id}" method="post" data-post="${post}" data-next="${next ?? ""}"${hidden ? html` hidden` : ""}>
<p class="problem" role="alert"></p>
${secret === undefined ? "" : html`<input type="hidden" name="${secret}" data-secret>`}
${fields.map(field)}
<button>${button}</button>
</form>
<p id="${id}-done" class="done" role="status" tabindex="-1" hidden>${done ?? ""}</p>
<noscript><p class="problem">This form needs JavaScript, from this gateway alone.</p></noscript>`;

const field = ({ name, label, type, autocomplete, hint }: Field): Html => html`
<p><label for="${name}">${label}</label>
<input id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}" aria-describedby="${name}-mistake" required>
${hint === undefined ? "" : html`<span class="hint">${hint}</span>`}
<span class="mistake" id="${name}-mistake"></span></p>`;
