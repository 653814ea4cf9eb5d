const headers = {
  "Content-Type": "text/plain; charset=utf-8",
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

/** A page of text for people: nothing in it runs, and nothing of it is kept. */
export const plainPage = (text: string, status = 200): Response => new Response(text, { status, headers });
