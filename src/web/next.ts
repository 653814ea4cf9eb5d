/**
 * Where a page leads when it is done, as an absolute address of this origin; its start where `next` is anything else than a
 * path of ours. The parser decides, not a pattern: it knows what browsers make of backslashes, tabs and dots.
 */
export function nextOf(next: string | null, origin: string): string {
  const start = `${origin}/`;
  if (!next?.startsWith("/")) return start;
  const url = URL.parse(next, origin);
  return url?.origin === origin && !url.pathname.startsWith("//") ? url.href : start;
}
