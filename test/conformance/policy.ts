/** Lets everything through that the suite asks for, so that whatever is lost is lost to the gateway and not to a rule. */
export const openPolicy = {
  version: "1",
  default: "allow",
  methods: { "completion/complete": "allow" },
  requests: { sampling: "allow", elicitation: "allow", roots: "allow" },
};
