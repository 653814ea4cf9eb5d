import { applyD1Migrations, env } from "cloudflare:test";
import { expect, it } from "vitest";

it("people and their sessions go over to a table where they may have neither address nor password", async () => {
  await applyD1Migrations(env.DB, env.MIGRATIONS.slice(0, 10));
  await env.DB.batch(
    [
      "INSERT INTO user (id, email, password, created_at) VALUES ('usr_1', 'a@example.com', 'x', 7)",
      "INSERT INTO team (id, slug, name, data_key, created_at) VALUES ('tm_1', 'old', 'Old', 'x', 1)",
      "INSERT INTO member (team_id, user_id, role, created_at) VALUES ('tm_1', 'usr_1', 'admin', 1)",
      "INSERT INTO session (jti, user_id, expires_at) VALUES ('ses_1', 'usr_1', 43200007)",
    ].map((sql) => env.DB.prepare(sql)),
  );
  await applyD1Migrations(env.DB, env.MIGRATIONS);
  const kept = await env.DB.prepare(
    `SELECT u.email, u.email_verified_at, u.password, u.created_at, s.kind, s.team_id, s.created_at AS since
       FROM user u JOIN session s ON s.user_id = u.id JOIN member m ON m.user_id = u.id`,
  ).all();
  expect(kept.results).toEqual([
    {
      email: "a@example.com",
      email_verified_at: null,
      password: "x",
      created_at: 7,
      kind: "password",
      team_id: null,
      since: 7,
    },
  ]);
  expect((await env.DB.prepare("PRAGMA foreign_key_check").all()).results).toEqual([]);
  const orphan = env.DB.prepare(
    "INSERT INTO session (jti, user_id, expires_at) VALUES ('ses_2', 'usr_2', 1)",
  );
  await expect(orphan.run()).rejects.toThrow("FOREIGN KEY");
});
