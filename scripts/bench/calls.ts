/** One kind of call, and how many clients make it at once. Sizes are of the texts in the arguments and in the answer. */
export interface Scenario {
  readonly stream: boolean;
  readonly argumentBytes: number;
  readonly answerBytes: number;
  /** Between the first event of a stream and the others. */
  readonly pauseMs: number;
  readonly clients: number;
}

export const clientCounts = [1, 16, 64];
const answers = [100, 10_000, 256_000];
const smallArguments = 60;
const plain = { stream: false, argumentBytes: smallArguments, answerBytes: 100, pauseMs: 0 };

/** What the goals are about: a small call and a small answer. */
export const small: readonly Scenario[] = clientCounts.map((clients) => ({ ...plain, clients }));

/** The other sizes, streams, and large arguments. */
export const others: readonly Scenario[] = [
  ...[false, true]
    .flatMap((stream) =>
      answers.flatMap((answerBytes) =>
        clientCounts.map((clients) => ({ ...plain, stream, answerBytes, clients })),
      ),
    )
    .filter(({ stream, answerBytes }) => stream || answerBytes !== plain.answerBytes),
  ...[10_000, 256_000].map((argumentBytes) => ({ ...plain, argumentBytes, clients: 16 })),
];

/** Streams that stop after their first event, so that a proxy that holds it back is seen. */
export const paused: readonly Scenario[] = [1, 16].map((clients) => ({
  ...plain,
  stream: true,
  pauseMs: 50,
  answerBytes: 10_000,
  clients,
}));

export function bodyOf({ stream, argumentBytes, answerBytes, pauseMs }: Scenario): string {
  const args = {
    text: "y".repeat(argumentBytes),
    workspace: "two",
    count: 7,
    bytes: answerBytes,
    ...(stream && { stream, pauseMs }),
  };
  const params = { name: "tool_0", arguments: args, ...(stream && { _meta: { progressToken: 1 } }) };
  return JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
}
