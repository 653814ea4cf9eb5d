const perMinute = (tool: string, max: number) => ({
  limits: [{ counter: `${tool}_rate`, window: "minute", max, scope: "grant" }],
});

/** What the demo's agent may do: look, type and keep sessions, at a pace; closing everything and batches it may not. */
export const demoPolicy = {
  version: "1",
  default: "deny",
  tools: {
    cmux_send: perMinute("cmux_send", 10),
    cmux_select_workspace: perMinute("cmux_select_workspace", 10),
    cmux_session_recover: perMinute("cmux_session_recover", 10),
    cmux_session_save: perMinute("cmux_session_save", 30),
    cmux_workspace_snapshot: {},
    cmux_watch: {},
    cmux_close_all: { action: "deny", reason: "Closing everything is left to a person." },
  },
} as const;
