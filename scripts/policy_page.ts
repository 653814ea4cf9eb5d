/** The text of a file of the repository, by its path from the root; undefined where there is none. */
export type ReadText = (path: string) => string | undefined;

const block = /<!-- include (\S+) -->\n[\s\S]*?<!-- \/include -->/g;

/**
 * A page with every included example as its file says it now: golden decisions as policy, call and outcome, all else as it
 * is. Throws where a page includes what does not exist.
 */
export const withExamples = (page: string, read: ReadText): string =>
  page.replaceAll(block, (_, path: string) => {
    const text = read(path);
    if (text === undefined) throw new Error(`the page includes ${path}, which is not there`);
    const shown = path.includes("/decision/") ? decision(text) : fenced(text, path.replace(/^.*\./, ""));
    return `<!-- include ${path} -->\n${shown}\n<!-- /include -->`;
  });

const fenced = (text: string, language: string): string => `\`\`\`${language}\n${text.trim()}\n\`\`\``;

/** The promise, then the file less what the sentences around it already say. */
function decision(text: string): string {
  const { promise, expect } = JSON.parse(text) as Golden;
  const asked = text.replace(/\n {2}"promise": [^\n]*/, "").replace(/,\n {2}"expect": [\s\S]*$/, "\n}\n");
  return `**${promise}.**\n\n${fenced(asked, "json")}\n\n${outcome(expect)}`;
}

interface Golden {
  readonly promise: string;
  readonly expect: { readonly effect: string; readonly rule: string; readonly reason: string };
}

const outcome = ({ effect, rule, reason }: Golden["expect"]): string =>
  effect === "allow" ? "→ `allow`" : `→ \`${effect}\` by \`${rule}\`: ${reason}`;
