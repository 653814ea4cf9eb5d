const slugCharsMax = 40;

/** The part of a URL that a name becomes: `Ünïcode & Co.` → `unicode-co`. Null where nothing is left of it. */
export function slugOf(name: string): string | null {
  const plain = name.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase();
  const slug = plain.replaceAll(/[^a-z0-9]+/g, "-").slice(0, slugCharsMax);
  return slug.replaceAll(/^-+|-+$/g, "") || null;
}
