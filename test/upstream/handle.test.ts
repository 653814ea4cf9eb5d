import { describe, expect, test } from "vitest";
import type { GrantId, ServerId, TeamId } from "../../src/id.ts";
import { bindHandle, type HandleOwner, openHandle } from "../../src/upstream/handle.ts";

const master = { current: 2, keys: new Map([1, 2].map((n) => [n, new Uint8Array(32).fill(n)])) };
const owner: HandleOwner = {
  team: "team_a" as TeamId,
  grant: "gr_a" as GrantId,
  server: "srv_a" as ServerId,
};

describe("a server's handle", () => {
  test.each(["786512e2-9e0d-44bd-8f29-789f320fe840", "", "a.b.c\n{\u{1f600}}", "portcullis.x"])(
    "%j comes back to the owner it was bound to, and always as one text",
    (handle) => {
      const text = bindHandle(master, owner, "taskId", handle);
      expect(openHandle(master, owner, "taskId", text)).toBe(handle);
      expect(bindHandle(master, owner, "taskId", handle)).toBe(text);
    },
  );

  test("opens for no other grant, server or team, nor as another kind", () => {
    const text = bindHandle(master, owner, "taskId", "t");
    const others: HandleOwner[] = [
      { ...owner, grant: "gr_b" as GrantId },
      { ...owner, server: "srv_b" as ServerId },
      { ...owner, team: "team_b" as TeamId },
    ];
    expect(others.map((other) => openHandle(master, other, "taskId", text))).toEqual([null, null, null]);
    expect(openHandle(master, owner, "requestState", text)).toBeNull();
  });

  test("does not open once anything of its text is changed", () => {
    const text = bindHandle(master, owner, "taskId", "task");
    const damaged = [...text].map(
      (_, i) => text.slice(0, i) + (text[i] === "A" ? "B" : "A") + text.slice(i + 1),
    );
    expect(damaged.map((one) => openHandle(master, owner, "taskId", one))).toEqual(damaged.map(() => null));
    for (const other of ["task", "", `${text}-TAMPERED`, text.slice(1)]) {
      expect(openHandle(master, owner, "taskId", other)).toBeNull();
    }
  });

  test("opens while its master key is kept, and no longer", () => {
    const text = bindHandle({ ...master, current: 1 }, owner, "taskId", "t");
    expect(openHandle(master, owner, "taskId", text)).toBe("t");
    expect(
      openHandle({ current: 2, keys: new Map([...master.keys].slice(1)) }, owner, "taskId", text),
    ).toBeNull();
  });
});
