import type { Listed } from "../gate/rpc.ts";
import type { Message } from "../mcp/decode.ts";
import { type Keep, listEdit } from "../mcp/list.ts";
import { listFilter } from "../policy/list.ts";
import { definitionHash } from "../upstream/definition.ts";
import type { Editing } from "./rewrite.ts";

const listing = new Set([
  "tools/list",
  "resources/list",
  "resources/templates/list",
  "prompts/list",
  "server/discover",
]);

/**
 * Leaves in a list only what the grant may see; null where the answer holds none. `message` is null for a GET, whose stream
 * may replay any earlier answer. `drifted` hears of a tool whose definition no look has seen.
 */
export function listEditing(message: Message | null, listed: Listed, drifted: () => void): Editing | null {
  if (message !== null && !listing.has(message.method)) return null;
  return { edit: listEdit(message?.method ?? null, keepOf(listed, drifted)), words: null };
}

function keepOf(listed: Listed, drifted: () => void): Keep {
  const others = new Set(listed.others);
  return {
    tool: (name, definition) => {
      const hash = definitionHash(definition);
      const shown = listed.tools.get(name) === hash;
      if (!shown && !others.has(hash)) drifted();
      return shown;
    },
    resource: listFilter(listed.resources),
    prompt: listFilter(listed.prompts),
  };
}

/**
 * Whether a server says in a message that its lists have changed. The words alone are enough: to look once too often harms
 * nobody, and a list that passes is compared whatever a server says.
 */
export const saysChanged = (text: string): boolean => text.includes("list_changed");
