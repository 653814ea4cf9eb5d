/** What somebody sees who opens the gateway's address: what it is, and where to go. No script, nothing from elsewhere. */
export const landingPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Portcullis</title>
<link rel="stylesheet" href="/assets/docs.css">
<main>
<h1>Portcullis</h1>
<p>A gateway for MCP servers. Register a server, write down what each agent may do with its tools, and give out gateway
URLs: every call is judged, counted and recorded before it goes on.</p>
<ul>
<li><a href="/sign-in">Sign in</a>, or <a href="/sign-up">sign up</a></li>
<li><a href="/v1/docs">The API, to read</a>, and as <a href="/v1/openapi.json">OpenAPI 3.1</a></li>
<li><a href="/schemas/policy-v1.json">The policy language, as a JSON Schema</a> for editors</li>
<li><a href="/readyz">Whether all its parts answer</a></li>
</ul>
<p>Sign up:</p>
<pre><code>curl -sS "$URL/v1/signup" -H 'Content-Type: application/json' \\
  -d '{ "email": "you@example.com", "password": "at least twelve characters", "team": "Your team" }'</code></pre>
<p>The README has a tour of five minutes from here to a capped tool.</p>
</main>
</html>
`;
