import type { Random } from "./random.ts";

/** The words of a template, as written between white space. */
export const words = (text: TemplateStringsArray): string[] => text.raw.join("").trim().split(/\s+/);

export const serverNames = words`github gitlab pay`;
export const toolNames = words`read_status create_charge delete_branch delete_all send_msg batch batch_all x fs/read`;
export const uris = words`file:///srv/a file:///srv/b/c file:///etc/passwd db://users/1 ui://panel`;
export const promptNames = words`review review_all summarise p1 😀b`;

export const oddUris = [
  ...words`file:///srv/../etc file:///srv/%2e%2e/etc file:///srv/.%252e/etc file:///srv/./a file:///srv/...`,
  ...words`file:///srv/a%5cb file:///srv/.. file:///srv/a?b=c file:///srv/%2f/a mail://inbox file:///srv\a`,
];

const toolKeys = words`read_status create_charge delete_branch delete_all send_msg batch batch_all x`;
const toolGlobs = words`* delete_* *_all ? read* send_??? *_* b?tch d*l* batch* create_charg? *x *batch`;
const uriGlobs = words`file:///srv/* * file:* db://users/? *panel file:///*/c`;
const promptGlobs = words`review* * p? 😀* *b ?b`;
const serverGlobs = words`github gitlab git* * pa?`;

// A server policy's key names no server, so a slash in it is a character like any other: rare, but there.
const partShare = { team: 0.3, server: 0.004 };

export type LayerName = keyof typeof partShare;

export function toolKey(random: Random, layer: LayerName): string {
  const name = random.chance(0.7) ? random.pick(toolKeys) : random.pick(toolGlobs);
  if (random.chance(partShare[layer])) return `${random.pick(serverGlobs)}/${name}`;
  return layer === "server" && random.chance(partShare.server) ? "fs/read" : name;
}

export function resourceKey(random: Random, layer: LayerName): string {
  const key = random.pick([...uris, ...uriGlobs]);
  return random.chance(partShare[layer]) ? `${random.pick(serverNames)}/${key}` : key;
}

export function promptKey(random: Random, layer: LayerName): string {
  const key = random.pick([...promptNames, ...promptGlobs]);
  return random.chance(partShare[layer]) ? `${random.pick(serverGlobs)}/${key}` : key;
}

/** Paths by what stands there when a caller means well. */
export const paths = {
  number: [
    ...words`args.amount args.a.b args.items[*].qty args.items[0].qty args.list[*] args.list[1]`,
    ...words`args.rows[*].cells[*] args.grid[*][0] now.hour now.weekday`,
  ],
  string: [
    ...words`args.currency args.note args.a.c args.items[*].sku args.items[1].sku args.names[*] args.names[0]`,
    ...words`grant.label grant.tags[*] member.email member.role client.name server.name now.date`,
    ...words`tool.name tool.category tool.risk`,
  ],
  list: words`args.names args.list args.items args.rows[*].cells grant.tags args.note`,
  any: [
    ...words`args.flag args.a args.a.d args.constructor args.__proto__ args.a.__proto__.b args.names.length`,
    ...words`args.x-y args.x~1/y args.steps`,
  ],
  url: words`args.url args.urls[*] args.note`,
  file: words`args.file args.files[*] args.a.c`,
};
export const incrementPaths = words`args.amount args.items[0].qty args.a.b`;
export const schemaNames = words`amount currency note names a flag`;
