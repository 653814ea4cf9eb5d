/** The words of a name in any case style, lower case: `getHTTPUrl` and `get-http_url` are one. */
export const wordsOf = (name: string): string[] =>
  name
    .replace(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, " ")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");

/** The words that a text of white-space separated words lists. */
export const listed = (text: string): readonly string[] => text.trim().split(/\s+/);

export const wordSet = (text: string): ReadonlySet<string> => new Set(listed(text));

// A verb with its particle is another verb than without; written apart it would be read as the wrong one.
const phrases = new Map(
  listed(
    `check_in:checkin check_out:checkout look_up:lookup set_up:setup clean_up:cleanup shut_down:shutdown turn_on:activate
     turn_off:deactivate power_on:activate power_off:shutdown sign_in:login sign_up:register sign_out:logout log_in:login
     log_out:logout roll_back:rollback roll_out:deploy back_up:backup take_down:unpublish tear_down:destroy spin_up:launch
     scale_up:scale scale_down:scale scale_out:scale scale_in:scale fail_over:failover opt_in:subscribe opt_out:unsubscribe
     fill_in:fill fill_out:fill top_up:topup cash_out:withdraw pay_out:payout sell_off:sell charge_back:refund go_to:goto
     hang_up:hangup switch_on:activate switch_off:deactivate mark_as:mark cherry_pick:merge tick_off:mark wake_up:wake
     soft_delete:delete hard_delete:delete force_push:overwrite hand_over:assign kick_off:launch sign_off:approve
     pull_request:pullrequest pull_requests:pullrequests merge_request:mergerequest merge_requests:mergerequests
     search_console:searchconsole order_book:orderbook change_log:changelog release_notes:changelog call_log:calllog
     test_run:testrun test_runs:testruns test_case:testcase test_cases:testcases test_suite:testsuite check_run:checkrun
     check_runs:checkruns check_suite:checksuite read_me:readme right_click:click double_click:click key_press:press
     who_am:whoami add_on:addon add_ons:addons api_key:apikey api_keys:apikey private_key:privatekey access_key:accesskey access_keys:accesskey
     ssh_key:sshkey ssh_keys:sshkey deploy_key:deploykey deploy_keys:deploykey signing_key:signingkey
     recovery_code:recoverycode recovery_codes:recoverycode seed_phrase:mnemonic`,
  ).map((pair) => pair.split(":") as [string, string]),
);

// What a name says of being a tool, and no more.
const fillers = new Set(["tool", "mcp"]);

/** The same words with those that belong together as one: `check out` is `checkout`, and `pull request` names a thing. */
export function joinPhrases(named: readonly string[]): string[] {
  const words = named.filter((word, at) => !fillers.has(word) || (at > 0 && at < named.length - 1));
  const joined: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const phrase = phrases.get(`${words[at]}_${words[at + 1]}`);
    joined.push(phrase ?? words[at] ?? "");
    if (phrase) at++;
  }
  return joined;
}

/** What a word of a sentence may be a form of, itself first: `retrieving` of `retrieve`, `copies` of `copy`. */
export function basesOf(word: string): string[] {
  const third = /^(.+?)(?:(?<=[^aeiou])ies|(?<=s|x|z|ch|sh|o)es|s)$/.exec(word)?.[1];
  const gerund = /^(.{2,}?)ing$/.exec(word)?.[1];
  return [
    word,
    ...(third === undefined ? [] : [third, `${third}e`, `${third}y`]),
    ...(gerund === undefined ? [] : [gerund, `${gerund}e`, gerund.replace(/(.)\1$/, "$1")]),
  ];
}
