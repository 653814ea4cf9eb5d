import { Cannot } from "./answer.ts";

/** policy.md §2, `path_within`: the string and all its percent-decodings lie inside the base. */
export function pathWithin(base: string, path: string): boolean | Cannot {
  const forms = decodings(path);
  if (forms === null) return new Cannot();
  if (forms.some((form) => !form.startsWith("/") || form.includes("\0"))) return new Cannot();
  const inside = normalised(base);
  return forms.every((form) => {
    const found = normalised(form);
    return inside.every((segment, at) => found[at] === segment);
  });
}

function decodings(path: string): string[] | null {
  const forms = [path];
  for (let round = 0; round <= 5; round++) {
    const last = forms.at(-1) ?? "";
    let next: string;
    try {
      next = decodeURIComponent(last);
    } catch {
      return null;
    }
    if (next === last) return forms;
    forms.push(next);
  }
  return null;
}

function normalised(path: string): string[] {
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  return kept;
}

/** policy.md §2, `host_in`: an http(s) URL whose host is one of these; `*.` stands for at least one label. */
export function hostIn(hosts: string[], url: string): boolean | Cannot {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused.
  if (/[\s\u0000-\u001f\u007f-\u009f\\]/u.test(url)) return new Cannot();
  const found = /^https?:\/\/([^/]*)/i.exec(url);
  const authority = found?.[1] ?? "";
  if (authority.includes("@")) return new Cannot();
  const host = plainHost.exec(decoded(authority))?.[1]?.toLowerCase();
  if (host === undefined) return new Cannot();
  return hosts.some((wanted) =>
    wanted.startsWith("*.") ? host.endsWith(wanted.slice(1).toLowerCase()) : host === wanted.toLowerCase(),
  );
}

// One or more labels, or an IPv6 literal; a final dot and a port say nothing about which host it is.
const plainHost = /^([a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:]+\])\.?(?::\d*)?(?:[?#]|$)/i;

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

/** policy.md §2: a resource URI with dot segments, raw or encoded, or with backslashes means two places. */
export function ambiguousUri(uri: string): boolean {
  let form = uri;
  for (let round = 0; round < 20; round++) {
    if (form.includes("\\") || form.split(/[/?#:=&]/).some((part) => part === "." || part === ".."))
      return true;
    form = form.replace(/%(2e|2f|5c|25|3f|23)/gi, (encoded) => decodeURIComponent(encoded));
  }
  return false;
}
