import { Html, html } from "./html.ts";
import { page } from "./page.ts";

const script = new Html('<script type="module" src="/assets/second_factor.js"></script>');

const password = (form: string): Html => html`
<p><label for="${form}-password">Your password</label>
<input id="${form}-password" name="password" type="password" autocomplete="current-password" required></p>
<p class="proof" hidden><label for="${form}-proof">Code</label>
<input id="${form}-proof" name="proof" autocomplete="one-time-code">
<span class="hint">From your authenticator app, or a recovery code. Leave it empty to use a passkey.</span></p>`;

/** `/second-factor`: what somebody has set up beside their password, and adding to it. Its script asks the API. */
export const secondFactorPage = (): Response =>
  page(
    "Second factor",
    html`
<p id="signed-out" hidden><a href="/sign-in?next=/second-factor">Sign in</a> first.</p>
<div id="signed-in" hidden>
<p>With a passkey or an authenticator app, your password alone lets nobody in.</p>
<ul id="factors"></ul>
<section id="codes" tabindex="-1" hidden>
<h2>Your recovery codes</h2>
<p>Each works once where you have lost everything else. They are shown this once: keep them somewhere safe.</p>
<pre></pre>
</section>
<section>
<h2>Add a passkey</h2>
<form id="passkey">
<p class="problem" role="alert"></p>
<p><label for="passkey-name">A name for it</label>
<input id="passkey-name" name="name" maxlength="80" autocomplete="off" required></p>
${password("passkey")}
<button>Add a passkey</button>
</form>
</section>
<section id="app-section">
<h2>Set up an authenticator app</h2>
<form id="app">
<p class="problem" role="alert"></p>
${password("app")}
<button>Set up an app</button>
</form>
<form id="app-code" hidden>
<p class="problem" role="alert"></p>
<p>Give your app this key, or <a id="app-link">open it here</a>:</p>
<pre id="app-key"></pre>
<p><label for="app-code-code">The code that it shows</label>
<input id="app-code-code" name="code" inputmode="numeric" autocomplete="one-time-code" required></p>
<button>Confirm</button>
</form>
</section>
<section id="change-section" hidden>
<h2>Remove something, or make new recovery codes</h2>
<form id="change">
<p class="problem" role="alert"></p>
<p><label for="change-what">What to do</label>
<select id="change-what" name="what"></select></p>
${password("change")}
<button>Do it</button>
</form>
</section>
</div>
<noscript><p class="problem">This page needs JavaScript, from this gateway alone.</p></noscript>
${script}`,
  );
