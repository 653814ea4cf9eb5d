const minuteMs = 60_000;

/**
 * Runs the Worker's cron trigger at once and then each minute, as Cloudflare does: `wrangler dev` never does so by itself.
 * Without it, edits that a gate missed, events and webhooks would wait for ever.
 */
export function runCron(url: string): void {
  const run = async (): Promise<void> => {
    const answer = await fetch(`${url}/cdn-cgi/local/scheduled`).catch(() => null);
    await answer?.body?.cancel();
  };
  void run();
  setInterval(() => void run(), minuteMs).unref();
}
