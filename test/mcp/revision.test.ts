import { describe, expect, test } from "vitest";
import { revisionOf } from "../../src/mcp/revision.ts";

const mismatch = expect.objectContaining({ fault: "header_mismatch" });

describe("the revision of a request", () => {
  test.each([
    ["2024-11-05", "legacy"],
    ["2025-03-26", "legacy"],
    ["2025-06-18", "legacy"],
    ["2025-11-25", "legacy"],
    ["2026-07-28", "modern"],
  ])("header %s is %s", (revision, era) => {
    expect(revisionOf(revision)).toEqual({ revision, era });
  });

  test("a missing header means 2025-03-26", () => {
    expect(revisionOf(null)).toEqual({ revision: "2025-03-26", era: "legacy" });
  });

  test("white space around the header does not count", () => {
    expect(revisionOf(" \t2025-06-18 ")).toEqual({ revision: "2025-06-18", era: "legacy" });
  });

  test.each(["", "2025-06-19", "latest", "2099-01-01", "2025-06-18, 2026-07-28"])(
    "header %j without a claim is refused",
    (header) => {
      expect(revisionOf(header)).toMatchObject({ fault: "bad_revision" });
    },
  );

  test.each(["2026-07-28", "2099-01-01", "v999.0.0"])(
    "a claim of %s that the header repeats passes, so that the upstream can answer -32022",
    (claim) => {
      expect(revisionOf(claim, claim)).toEqual({ revision: claim, era: "modern" });
    },
  );

  test.each([
    [null, "2026-07-28"],
    ["2025-11-25", "2026-07-28"],
    ["2026-07-28", "v999.0.0"],
    ["2026-07-28", "2025-11-25"],
  ])("header %s does not go with a claim of %s", (header, claim) => {
    expect(revisionOf(header, claim)).toEqual(mismatch);
  });

  test("a claim of a legacy revision leaves the era to the header", () => {
    expect(revisionOf(null, "2025-11-25")).toEqual({ revision: "2025-03-26", era: "legacy" });
    expect(revisionOf("2025-06-18", "2025-11-25")).toEqual({ revision: "2025-06-18", era: "legacy" });
  });
});
