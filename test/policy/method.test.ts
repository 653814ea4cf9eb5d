import { expect, test } from "vitest";
import { methodRule, refusedRequests } from "../../src/policy/method.ts";
import { policy } from "./judge.ts";

const closed = policy({ version: "1", default: "deny" });
const denied = (rule: string) => ({ allowed: false, rule, reason: `Denied by rule ${rule}.` });

test.each([
  "initialize",
  "ping",
  "tools/list",
  "resources/list",
  "resources/templates/list",
  "prompts/list",
  "server/discover",
  "logging/setLevel",
  "notifications/initialized",
  "notifications/anything",
  "subscriptions/listen",
])("%s is always allowed, even without a policy", (method) => {
  expect([methodRule(method, closed, null), methodRule(method, null, closed)]).toEqual([
    { allowed: true },
    { allowed: true },
  ]);
});

test("any other method needs leave from every layer", () => {
  const leave = policy({
    version: "1",
    default: "deny",
    methods: { "tasks/list": "allow", "tasks/get": "deny" },
  });
  expect(methodRule("tasks/list", null, leave)).toEqual({ allowed: true });
  expect(methodRule("tasks/list", leave, leave)).toEqual({ allowed: true });
  expect(methodRule("tasks/list", closed, leave)).toEqual(denied("(default deny)"));
  expect(methodRule("tasks/list", leave, closed)).toEqual(denied("(default deny)"));
  expect(methodRule("tasks/list", leave, null)).toEqual(denied("(no policy)"));
  expect(methodRule("tasks/get", null, leave)).toEqual(denied("/methods/tasks~1get"));
  expect(methodRule("tasks/get", leave, leave)).toEqual(denied("/team/methods/tasks~1get"));
});

test.each(["tools/call", "resources/read", "resources/subscribe", "prompts/get"])(
  "%s without a name has been judged by nobody",
  (method) => {
    const open = policy({ version: "1", default: "allow", methods: { [method]: "allow" } });
    expect(methodRule(method, null, open)).toEqual(denied("(default deny)"));
  },
);

test("a shadow document refuses no method", () => {
  const shadow = policy({ version: "1", default: "deny", mode: "shadow", methods: { "tasks/get": "deny" } });
  expect(methodRule("tasks/get", shadow, shadow)).toEqual({ allowed: true });
});

test("an upstream may ask for input, and for more only where every layer says so", () => {
  const generous = policy({
    version: "1",
    default: "deny",
    requests: { sampling: "allow", elicitation: "deny" },
  });
  expect(refusedRequests(null, closed)).toEqual({
    sampling: "/requests/sampling",
    roots: "/requests/roots",
  });
  expect(refusedRequests(null, generous)).toEqual({
    elicitation: "/requests/elicitation",
    roots: "/requests/roots",
  });
  expect(refusedRequests(closed, generous)).toEqual({
    sampling: "/team/requests/sampling",
    elicitation: "/requests/elicitation",
    roots: "/team/requests/roots",
  });
  const nobody = { sampling: "(no policy)", elicitation: "(no policy)", roots: "(no policy)" };
  expect(refusedRequests(null, null)).toEqual(nobody);
});
