import type { Category } from "./category.ts";
import { listed, wordSet } from "./words.ts";

/**
 * How much a word says. `firm`: hardly ever anything but a verb. `soft`: as often a noun, so it counts only where a verb
 * stands. `open`: like soft, and it reads or changes as the rest of the definition says; until then it changes.
 */
type Strength = "firm" | "soft" | "open";

export interface Verb {
  readonly category: Category;
  readonly strength: Strength;
}

const table: readonly (readonly [Category, Strength, string])[] = [
  [
    "Read",
    "firm",
    `get list ls read describe show search find fetch retrieve lookup view inspect browse count check validate verify
     analyze analyse compare explain summarize summarise preview estimate detect diagnose discover enumerate explore
     calculate calc compute examine extract resolve suggest recommend predict classify monitor ping peek poll
     obtain identify determine infer deduce assess locate recall consult peruse scrape crawl translate transcribe
     transliterate parse tokenize tokenise lint grep glob cat whois dig nslookup traceroute autocomplete interpret decode
     correlate cite quantify appraise tally paginate traverse introspect recognize recognise echo greet disassemble
     decompile symbolicate geocode dereference brainstorm proofread spellcheck paraphrase rephrase`,
  ],
  [
    "Read",
    "soft",
    `watch trace diff review filter sort match sample stream score profile tail head tree map hash encode embed
     quote research format visualize visualise plot chart render scan audit screen display measure forecast rank average
     total sum highlight rerank think reason reflect observe listen stat survey`,
  ],
  [
    "Write",
    "firm",
    `create add update set put edit save write insert append prepend rename modify mutate patch upsert assign unassign
     reassign upload register unregister configure reconfigure enable disable attach detach unlink merge pin unpin
     subscribe unsubscribe resubscribe follow unfollow invite approve reject archive unarchive publish unpublish
     republish duplicate replace apply import store remember memorize memorise organize organise mark unmark annotate
     react upvote downvote vote reorder migrate provision allocate change mute unmute join leave clone adjust amend
     activate deactivate reactivate acknowledge ack accept decline deny allow unblock ban unban grant unlock hide unhide
     complete finish finalize finalise toggle tune increase decrease increment decrement extend renew refresh reindex
     rebuild regenerate recreate reconcile transform convert compress decompress encrypt decrypt anonymize anonymise
     redact unzip untar rotate crop trim compose populate prefill propose escalate delegate transition promote demote
     enroll enrol unenroll onboard offboard admit discharge prescribe administer dispense triage reschedule rebook rsvp
     confirm postpone snooze defer arrange prioritize prioritise relabel untag categorize categorise ungroup dedupe
     deduplicate combine concat concatenate consolidate stitch bind unbind mount unmount override squash rebase stash
     unstar unwatch unlike favorite favourite unfavorite unfavourite retweet repost reshare crosspost respond reopen
     solve fix repair remediate mitigate suppress silence unsilence ignore unignore dismiss unflag moderate relocate
     localize localise declare define redefine designate nominate prepare synthesize synthesise make construct
     scaffold bootstrap init initialize initialise setup bump backfill ingest replicate expand refactor rewrite autofix
     maintain administrate customize customise personalize personalise enrich cordon uncordon taint checkin draw
     paint extrude hire abandon`,
  ],
  [
    "Write",
    "soft",
    `post comment reply label tag link star fork copy sync commit record log schedule share index cache bookmark note like
     favor branch group flag warn document backup mirror collapse zip lower raise remind feature draft answer journal
     cast seed mention claim stage return report block lock book reserve dispute design mask`,
  ],
  ["Write", "open", "load export download generate track dump manage learn"],
  [
    "Execute",
    "firm",
    `execute exec invoke evaluate restart reboot resume pause unpause deploy redeploy undeploy launch relaunch send
     resend submit resubmit click dblclick tap press fill navigate goto scroll drag hover select deselect focus open
     close minimize minimise maximize maximise resize recover restore rollback revert undo redo install reinstall upgrade
     downgrade scale failover kill stop cancel abort connect disconnect reconnect simulate interact perform dispatch
     emulate handle login logout authenticate reauthenticate authorize authorise impersonate enter split move swipe
     broadcast spawn respawn rerun retry replay redrive requeue enqueue dequeue orchestrate instruct operate actuate arm disarm
     shutdown halt suspend hibernate wake rewind dial redial hangup notify inject compile transpile minify debug unload
     exploit negotiate brute drain evacuate eject dock undock vacuum brew irrigate preheat steer takeoff throttle flash
     reflash reimage checkout notarize train finetune retrain summon zoom reload converse speak paste keypress automate act
     kick fuzz detonate quarantine`,
  ],
  [
    "Execute",
    "soft",
    `run start call trigger build test push pull release batch script shell command process sign request fire print email
     text message fax mail page alert hook step prompt chat control produce probe benchmark bundle package sweep mine blink dim
     program switch type play boot land forward relay proxy tunnel isolate skip say attack multicall macro bash terminal
     eval`,
  ],
  ["Execute", "open", "ask take capture plan investigate query wait await aggregate collect"],
  [
    "Destructive",
    "firm",
    `delete del remove rm rmdir unset drop destroy purge wipe truncate erase uninstall revoke reset clear flush prune
     terminate discard evict overwrite expunge obliterate nuke shred delist deregister deprovision decommission cleanup
     dissolve disband demolish invalidate annul`,
  ],
  ["Destructive", "soft", "force empty trash clean expire"],
  [
    "Financial",
    "firm",
    `pay repay prepay buy sell withdraw reimburse disburse donate remit liquidate unstake mint airdrop topup recharge rebalance`,
  ],
  [
    "Financial",
    "soft",
    `transfer trade order swap bid invest charge bridge wire tip bill invoice stake redeem bet wager lend borrow burn refund payout
     purchase deposit`,
  ],
];

const verbs = new Map<string, Verb>(
  table.flatMap(([category, strength, words]) =>
    listed(words).map((word) => [word, { category, strength }] as const),
  ),
);

export const verbOf = (word: string): Verb | undefined => verbs.get(word);

/** Reading verbs that also name a thing, so that a changing verb at the end of the name is the verb: `list_create`. */
export const readingThings = wordSet(
  "list search view count find monitor preview query show cat read poll estimate ping",
);

/** Changing verbs that are as good a thing behind another verb: `check_update`, `verify_install`. */
export const changedThings = wordSet(
  `update change install deploy import edit move login upgrade merge patch drop set reset split focus open close fill
   press replay restart checkout setup build suspend exploit compress convert post load test`,
);

/** What hardly anybody writes behind a thing but to read it: `run_list`, `update_get`. */
export const plainReading = wordSet("list get show describe");

/** Soft verbs that are things when `status` and the like come behind: `build_status`, but not `post_status`. */
export const thingsWithStatus = wordSet(
  `build run call test order trade transfer batch process sync release invoice charge bill stake bid bet command script
   api action request alert hook chat play benchmark package text page email backup index group branch document book block lock plan query capture`,
);

/** Verbs that end what they are applied to; with "all" they lose things. */
export const endingVerbs = wordSet(
  "close stop kill cancel abort disconnect unpublish archive suspend reject leave",
);

/** Verbs that look at the code or text they are given, and do not run it; those behind, at code that is no query. */
const examining = wordSet(
  `validate verify lint parse explain analyze analyse review highlight translate tokenize tokenise compare diff estimate
   format classify summarize summarise decompile disassemble encode decode hash audit`,
);
const searching = wordSet("search find grep count lookup scan check detect preview");

/** Whether a tool of that verb runs the caller's code that a parameter of the role carries. */
export const runsCode = (verb: string, role: string | null): boolean =>
  (role === "sql" && !examining.has(verb)) ||
  (role === "shell" && !examining.has(verb) && !searching.has(verb));

/** Open verbs that make a file where they are told a path. */
export const fileVerbs = wordSet("download export dump");

/** Verbs whose effect is over at once or put right as easily: the level is lower, the category stays. */
export const slightVerbs = wordSet(
  `resize scroll hover zoom minimize minimise maximize maximise rewind skip play pause blink dim speak say focus wait await`,
);
export const slightWrites = wordSet(
  `star unstar like unlike bookmark favorite favourite unfavorite unfavourite react pin unpin mute unmute snooze mark
   unmark collapse expand`,
);
