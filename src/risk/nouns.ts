import { wordSet } from "./words.ts";

/** A name without a verb that ends in one of these names something to look at. */
export const viewNouns = wordSet(
  `snapshot status info information detail details summary overview stats statistics metrics history logs version versions
   schema health usage help docs documentation about whoami state capabilities progress result results analytics insights
   rankings standings metadata readme changelog`,
);

/** What may be told of something, if the description says so: `record_count`, `import_status`. */
export const toldOf = wordSet(
  `status history statistics stats state progress result results summary overview count counts coverage price prices views
   rate rates average depth schedule size total balance names logs metrics`,
);

/** What turns a soft verb before it into a thing: `build_status`, `call_history`. */
export const statusNouns = wordSet(
  "status info information details summary overview stats statistics history version state health progress result results",
);

/** Things that are made in the answer alone: to generate one changes nothing. */
export const textsToMake = wordSet(
  `deeplink deeplinks permalink uuid guid yaml json markdown sql regex types typings schema diagram docs documentation
   outline explanation description summary embedding embeddings hash checksum hint hints locator locators suggestion suggestions
   recommendation recommendations query queries password passphrase number numbers`,
);

/** What a picture is taken of; with nowhere to save it, taking it only looks. */
export const pictures = wordSet("screenshot screenshots snapshot snapshots picture image photo");

/** What is not read out of them but settled: `resolve_issue`. */
export const settledThings = wordSet(
  `issue issues thread threads incident incidents comment comments conflict conflicts alert alerts ticket tickets
   conversation conversations dispute disputes case error problem finding discussion bug task market appeal request`,
);

/** To watch these is to be told of them from now on. */
export const watched = wordSet("repo repository issue thread topic channel page project");

/** What is emptied by formatting it. */
export const disks = wordSet("disk disks drive drives volume volumes partition partitions usb sdcard");

/** What takes work to render, and is kept. */
export const films = wordSet("video videos image images animation film movie scene audio");

/** Who hears of it, and what went out to them. */
export const people = wordSet("user users member members channel team email message product order vehicle");

/** What is unpacked, not read: `extract_archive`. */
export const archives = wordSet("archive zip tar tarball rar gzip files");

/** What explains something: `upgrade_guide` may be read. */
export const guides = wordSet(
  "guide guides guidelines instructions docs documentation help bestpractices practices tips",
);

/** To make one is to call whatever the caller names. */
export const calls = wordSet("request requests call calls");

/** What is tested by looking whether it works. */
export const connections = wordSet(
  "connection connections connectivity connector connectors credentials regex",
);

/** What converting gives an answer for, and no new file. */
export const quantities =
  wordSet(`currency currencies unit units time timezone timezones temperature date timestamp color colour json yaml xml csv
   base64 hex case`);

/** Objects that make a change a payment. */
export const moneyNouns = wordSet(
  `payment payments invoice invoices refund refunds charge charges payout payouts payroll transfer transfers subscription
   subscriptions billing coupon coupons price prices wallet wallets purchase checkout order orders trade trades dispute
   disputes credit credits deposit deposits withdrawal withdrawals loan loans mortgage fund funds salary wages paycheck
   donation donations swap stake bid paymentlink`,
);

/** What else may be subscribed to, ordered or transferred, without money. */
export const moneyless = wordSet(
  `event events topic topics webhook webhooks notification notifications pubsub graphql mail email newsletter ownership
   file files call calls issue issues repo repository project domain ticket work sort layer display
   channel push message queue eventgrid sns mqtt kafka rabbitmq stream feed book custody patient
   pane panes tab tabs window row rows column columns slot slots shift seat variable`,
);

/** Financial things that are written down; money moves only later. */
export const moneyOnPaper = wordSet(
  "invoice invoices coupon coupons price prices billing dispute disputes wallet wallets",
);

/** Where text that is typed is run. */
export const terminalNouns = wordSet(
  `terminal terminals pane panes screen screens console shell tty pty output scrollback buffer prompt keystrokes repl
   stdout surface surfaces tmux`,
);

/** Words that name nothing in particular: what the tool reads is not said. */
export const vagueNouns = wordSet("all deep it any full raw after now again everything data");

/** Languages and engines whose queries can also write, or run code. */
export const queryEngines = wordSet(
  `sql database databases db cypher postgres postgresql mysql mariadb sqlite mssql sqlserver tsql plsql oracle snowflake
   bigquery redshift clickhouse athena influxdb influx flux duckdb motherduck trino presto databricks spark hive impala
   cockroach cockroachdb timescale cosmos cosmosdb mongo mongodb dynamodb partiql cassandra cql scylla neo4j arangodb
   surrealdb couchbase firestore firebird vertica teradata db2 singlestore planetscale neon turso libsql d1 dremio
   synapse fabric warehouse lakehouse questdb druid pinot doris starrocks rds aurora table tables gql graphql mutation
   redis`,
);

/** Whose loss is worse than that of one thing among many. */
export const vitalNouns = wordSet(
  `database databases db table schema account accounts repository repo project projects organization organisation org
   workspace tenant team namespace cluster server servers instance instances vm machine volume disk disks bucket buckets
   backup backups production prod environment domain zone vault stack subscription site collection index wallet fleet`,
);

/** Small things that are easily made again. */
export const slightNouns = wordSet(
  `label labels tag tags reaction reactions star bookmark bookmarks filter filters draft drafts cache selection highlight
   highlights favorite favorites favourite favourites like watcher watchers follower followers reminder breakpoint
   breakpoints mock emulation throttling zoom pin status progress notification notifications badge`,
);

/** To change these opens doors. */
export const doors = wordSet(
  `permission permissions role roles policy policies acl iam access firewall security member members membership admin
   admins owner ownership webhook webhooks dns visibility public protection privilege privileges sudo collaborator
   collaborators door doors gate garage sso saml scim trust`,
);
