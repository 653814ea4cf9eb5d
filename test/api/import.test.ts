import { beforeAll, describe, expect, it } from "vitest";
import { type Answered, ControlPlane } from "./control_plane.ts";
import { TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
let team: TeamSetting;
beforeAll(async () => {
  plane = await ControlPlane.start();
  team = await TeamSetting.on(plane, "Importers");
  await team.server("Tools");
});

const ask = (body: unknown, token: string | null = team.person.token): Promise<Answered> =>
  plane.ask("POST", "/v1/policies/import", { body, ...(token === null ? {} : { token }) });

const yaml = `version: "1"
default: deny
tools:
  pay:
    rules:
      - name: cap
        conditions:
          - { path: args.amount, op: lte, value: 100.50 }
      - { name: hourly, rate_limit: 5/hour }
      - { name: ask, action: require_approval }
`;

describe("an import", () => {
  it("answers the document, what each rule became and the warnings of saving it", async () => {
    const answer = await ask({ format: "intercept", yaml });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.text).toContain(
      '"document":{"version":"1","default":"deny","tools":{"pay":{"action":"approve","require":[{"conditions":[{"path":"args.amount","op":"lte","value":100.50}]}],"limits":[{"counter":"pay_rate","window":"hour","max":5}]}}}',
    );
    expect(answer.body.report).toContainEqual({
      line: 6,
      rule: "pay: cap",
      became: ["/tools/pay/require/0"],
      note: "its conditions must all hold; values of another type are refused",
    });
    expect(answer.body.warnings).toEqual([]);
    const { document } = answer.body;
    await team.must(201, "POST", "/servers/tools/policies", { name: "Imported", document });
  });

  it("with mistakes is refused with all of them, each at its place and line", async () => {
    const wrong = yaml.replace("lte", "atmost").replace("5/hour", "often");
    const answer = await ask({ yaml: wrong });
    expect([answer.status, answer.body.code, answer.body.errors]).toEqual([
      422,
      "invalid",
      [
        {
          pointer: "/yaml/tools/pay/rules/0/conditions/0/op",
          message: 'line 8: unknown operator "atmost"',
        },
        {
          pointer: "/yaml/tools/pay/rules/1/rate_limit",
          message: "line 9: rate_limit is a number from 1, a slash, and minute, hour or day: 5/hour",
        },
      ],
    ]);
  });

  it("needs a signed-in user and a format that is known", async () => {
    expect((await ask({ yaml }, null)).status).toBe(401);
    const unknown = await ask({ format: "cedar", yaml });
    expect([unknown.status, unknown.body.errors[0].pointer]).toEqual([422, "/format"]);
  });
});
