/** A pane: what was typed but not yet entered, and the lines entered so far. */
interface Pane {
  readonly id: string;
  typed: string;
  lines: string[];
}

interface Workspace {
  readonly name: string;
  panes: Pane[];
}

interface Layout {
  selected: string;
  workspaces: Workspace[];
}

const fresh = (): Layout => ({
  selected: "main",
  workspaces: ["main", "build", "logs"].map((name) => ({
    name,
    panes: [{ id: `${name}-1`, typed: "", lines: [] }],
  })),
});

/** A terminal multiplexer held in memory, so that the tools over it give true answers. */
export class Terminal {
  #layout = fresh();
  readonly #saved = new Map<string, Layout>();

  /** Types `text` into the selected workspace's first pane, without the Enter key. Returns that pane's id. */
  send(text: string): string {
    const pane = this.#pane();
    pane.typed += text;
    return pane.id;
  }

  /** Types `text` and presses Enter: what was typed becomes a line. Returns the line. */
  submit(text: string): string {
    const pane = this.#pane();
    const line = pane.typed + text;
    pane.lines.push(line);
    pane.typed = "";
    return line;
  }

  select(name: string): void {
    this.#layout.selected = this.#workspace(name).name;
  }

  save(name: string): number {
    this.#saved.set(name, structuredClone(this.#layout));
    return this.#saved.size;
  }

  recover(name: string): void {
    const layout = this.#saved.get(name);
    if (!layout) throw new Error(`No session is saved as "${name}".`);
    this.#layout = structuredClone(layout);
  }

  /** Everything on the screens: the selected workspace, and each workspace with its panes. */
  snapshot(): Layout {
    return structuredClone(this.#layout);
  }

  /** Closes every pane of every workspace. Returns how many there were. */
  closeAll(): number {
    const count = this.#layout.workspaces.reduce((sum, workspace) => sum + workspace.panes.length, 0);
    for (const workspace of this.#layout.workspaces) workspace.panes = [];
    return count;
  }

  #workspace(name: string): Workspace {
    const found = this.#layout.workspaces.find((workspace) => workspace.name === name);
    if (!found) throw new Error(`There is no workspace "${name}".`);
    return found;
  }

  #pane(): Pane {
    const pane = this.#workspace(this.#layout.selected).panes[0];
    if (!pane) throw new Error("Every pane is closed. Recover a session first.");
    return pane;
  }
}
