import { expect, test } from "vitest";
import { againstAuthors, againstLabels, judgeAll } from "../../scripts/eval/figures.ts";
import { refusedPolicies } from "../../scripts/eval/policies.ts";
import { readTool } from "../../scripts/eval/tool_file.ts";

const tool = (name: string, more: object = {}) =>
  readTool(JSON.stringify({ server: "shelf", name, ann: {}, ...more }), "line 1");

const says = (readOnly: boolean, description?: string) => ({ ann: { readOnly }, description });

test("the evaluation counts what is said Read and is not apart from what is only called too bad", () => {
  const judged = judgeAll([
    tool("get_book", says(true)),
    tool("find_book", says(false, "Starts a search.")),
    tool("run_book", says(true, "Runs a book.")),
    tool("put_book", says(false)),
    tool("get_shelf", { category: "Financial" }),
    tool("put_shelf", { category: "Write" }),
    tool("move_shelf", { category: "Other" }),
  ]);
  expect(againstAuthors(judged)).toEqual({
    annotated: 4,
    accuracy: 0.5,
    false_safe: 1,
    false_safe_share: 0.25,
    false_safe_destructive: 0,
    false_alarms: 1,
  });
  expect(againstLabels(judged)).toEqual({
    labelled: 2,
    agreement: 0.5,
    labelled_false_safe: 1,
    labelled_false_safe_grave: 1,
  });
});

test("what a name and a description both contradict is set aside with the reason, and nothing else is", () => {
  const wrong = judgeAll([
    tool("get_book", says(false, "Gets a book.")),
    tool("get_book_list", says(false, "Gets the books and deletes what is old.")),
    tool("send_book", says(true, "Sends a book.")),
    tool("list_fines", { category: "Financial", description: "List all fines." }),
    tool("sort_books", says(true, "Sorts.")),
    tool("sort_books", says(false, "Sorts.")),
  ]).map((one) => one.wrong);
  const twice = "the file has it with readOnly true and with readOnly false";
  expect(wrong).toEqual([
    { author: 'named "get", described as "Gets …", and said to be readOnly: false', label: null },
    { author: null, label: null },
    { author: 'named "send", described as "Sends …", and said to be readOnly: true', label: null },
    { author: null, label: 'named "list", described as "List …", and labelled Financial' },
    { author: twice, label: null },
    { author: twice, label: null },
  ]);
});

test("it recommends a policy for each tool and each server, in every tier", () => {
  expect(refusedPolicies([tool("get_book"), tool("drop_book")])).toEqual({ made: 9, refused: [] });
});

test.each([
  ["nope", "line 1 is not JSON"],
  ['{"server":"shelf"}', "line 1: name"],
  ['{"server":"shelf","name":"a","ann":{"readOnly":"yes"}}', "line 1: ann.readOnly"],
])("a line that is no tool is refused, saying where: %s", (line, message) => {
  expect(() => readTool(line, "line 1")).toThrow(message);
});
