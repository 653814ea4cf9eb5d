import { fromPlain, type JsonObject } from "../../src/json/value.ts";

/**
 * Tools of servers that nobody runs, from many trades, with what they should come out as. Parameters are `name`, `name:type`,
 * `name[]` for a list of strings, `name?` for a boolean and `name=a|b` for a choice; no list at all is a tool without schema.
 */
export interface Invented {
  readonly name: string;
  readonly expected: string;
  readonly flags: string;
  readonly parameters: string | null;
  readonly description: string;
}

const rows = `
# a library of books
shelf_list_books | Read/low | - | page:integer
shelf_lend_book | Write/medium | - | book_id
shelf_reserve_copy | Write/medium | - | book_id reader_id
shelf_return_book | Write/medium | - | book_id
shelf_fine_history | Read/medium | private_data | reader_id
catalogue_lookup | Read/low | - | isbn
catalogue_merge_duplicates | Write/medium | bulk | ids[] | Merges records of one book.
catalogue_purge_all | Destructive/critical | bulk |
# mail
letter_search | Read/low | - | query
letter_read_message | Read/medium | private_data untrusted_content | id
letter_send_message | Execute/high | private_data untrusted_content public_sink | to subject body
letter_forward_message | Execute/high | private_data untrusted_content public_sink | id recipients[]
letter_draft_reply | Write/medium | untrusted_content | id body
letter_delete_message | Destructive/high | private_data untrusted_content | id
letter_empty_trash | Destructive/high | - |
letter_mark_read | Write/low | bulk | ids[] | Marks letters as read.
letter_archive_all | Destructive/critical | bulk |
listFolders | Read/low | - |
getAttachment | Read/low | untrusted_content | attachmentId
createFilterRule | Write/medium | - | from subject
removeLabel | Destructive/medium | - | id
# payments
till_get_balance | Read/low | - |
till_create_charge | Financial/critical | - | amount:number currency
till_refund_payment | Financial/critical | - | payment_id amount:number
till_list_payouts | Read/low | - |
till_payout_schedule | Financial/critical | - | day
till_create_coupon | Financial/high | - | percent:number
till_cancel_subscription | Financial/critical | - | id
till_update_customer | Write/medium | private_data | id email
till_send_invoice | Financial/high | private_data public_sink | id
till_transfer_funds | Financial/critical | public_sink | amount:number recipient
till_order_status | Read/low | - | id
split_bill | Financial/critical | - | amount:number currency
add_funds | Financial/critical | - |
# trading and coins
desk_place_order | Financial/critical | - | symbol side=buy|sell quantity:number
desk_cancel_order | Financial/critical | - | id
desk_get_quote | Read/low | - | symbol
desk_order_book | Read/low | - | symbol | Shows the order book of a symbol.
coin_swap_tokens | Financial/critical | - | amount:number
coin_send_transaction | Financial/critical | private_data public_sink | to amount
coin_get_token_price | Read/low | - | token
coin_sign_message | Execute/high | private_data untrusted_content | message
coin_stake | Financial/critical | - | amount
coin_export_mnemonic | Write/high | secret |
# databases
query_snowflake | Execute/critical | code_exec | sql
orchard_query | Execute/high | - | - | Runs a query.
orchard_query_sql | Execute/critical | code_exec | sql
run_statement | Execute/critical | code_exec | statement
list_tables | Read/low | - |
describe_table | Read/low | - | table
explain_sql | Read/low | code_exec | sql
validate_sql | Read/low | code_exec | sql
drop_table | Destructive/critical | - | table
truncate_table | Destructive/critical | - | table
insert_rows | Write/medium | - | table rows:array
upsert_document | Write/medium | - | collection document:object
create_index | Write/medium | - | field
rollback_transaction | Execute/high | private_data |
backup_database | Write/medium | - |
restore_backup | Execute/high | - | id
vacuum_database | Execute/high | - |
find_one_and_update | Write/medium | - | filter:object
get_or_create_row | Write/medium | - | key
count_rows | Read/low | - | table
# files
read_text_file | Read/low | - | path
write_text_file | Write/medium | - | path content
move_file | Execute/high | - | from to_path
find_in_files | Read/low | - | pattern
files.upload | Write/medium | public_sink | file
zip_directory | Write/medium | - | path
extract_archive | Write/medium | - | path
tail_log | Read/low | - | path
watch_directory | Read/low | - | path
read_file_then_delete | Destructive/high | - | path
search_replace | Write/medium | - | pattern replacement
render_report | Write/medium | - | output_path
preview_page | Write/medium | untrusted_content | output_file
# git and code
branchy_get_file | Read/low | - | path
branchy_create_pull_request | Write/medium | untrusted_content | title body
branchy_pull_request_read | Read/low | untrusted_content | number:integer
branchy_merge_pull_request | Write/medium | untrusted_content | number:integer
branchy_force_push | Destructive/high | - | branch
branchy_delete_branch | Destructive/high | - | branch
branchy_delete_repository | Destructive/critical | - | name
branchy_fork | Write/medium | - | name
branchy_add_collaborator | Write/high | - | user
branchy_create_deploy_key | Write/high | secret | key
branchy_star_repo | Write/low | - | name
branchy_list_secrets | Read/high | secret |
branchy_set_secret | Write/high | secret | name value
branchy_grep | Read/low | - | pattern
branchy_cherry_pick | Write/medium | - | sha
branchy_rebase | Write/medium | - | onto
# CI
mill_trigger_pipeline | Execute/high | - | branch
mill_rerun_job | Execute/high | - | id
mill_cancel_all_jobs | Destructive/critical | bulk |
mill_build_status | Read/low | - | id
mill_list_artifacts | Read/low | - | id
mill_wait_for_job | Execute/medium | - | id
mill_run_script | Execute/critical | code_exec | script
mill_approve_release | Write/medium | - | id
mill_rollback_deployment | Execute/high | - | id
mill_get_test_results | Read/low | - | id
# cloud
nimbus_instances_list | Read/low | - |
nimbus_instance_start | Execute/high | - | id
nimbus_terminate_instance | Destructive/critical | - | id
nimbus_scale_service | Execute/high | - | count:integer
nimbus_bucket_create | Write/medium | - | name
nimbus_bucket_delete | Destructive/critical | - | name
nimbus_rotate_certificate | Write/high | secret | id
nimbus_invoke_function | Execute/high | - | payload:object
nimbus_get_metrics | Read/low | - |
nimbus_update_firewall | Write/high | - | rules:array
nimbus_shut_down | Execute/high | - | id
nimbus_check_quota | Read/low | - |
nimbus_drain_node | Execute/high | - | node
nimbus_set_dns_record | Write/high | - | name value
nimbus_revoke_token | Destructive/critical | secret | id
nimbus_deploy_stack | Execute/high | - | template
nimbus_estimate_cost | Read/low | - |
nimbus_logs_tail | Read/low | - | group
# browser and desktop
lens_navigate | Execute/high | public_sink | url
lens_click | Execute/high | - | ref
lens_fill_form | Execute/high | - | fields:array
lens_scroll | Execute/medium | - | dy:integer
lens_hover | Execute/medium | - | ref
lens_evaluate | Execute/critical | code_exec | expression
lens_take_screenshot | Read/low | - | full_page?
lens_capture_screenshot | Execute/high | - | path
lens_get_page_text | Read/low | untrusted_content | url
lens_fetch_url | Read/low | untrusted_content | url
lens_http_request | Execute/high | untrusted_content public_sink | url method=GET|POST|DELETE body
lens_resize_window | Execute/medium | - | width:integer
lens_clear_cookies | Destructive/high | - |
desk_type_text | Execute/high | - | text
desk_read_clipboard | Read/medium | private_data |
# terminals
mux_read_pane | Execute/high | - | - | Types the text into the pane and reads what it answers.
mux_read_pane | Read/low | - | - | Returns the last lines of a pane.
mux_read_pane | Execute/high | - | -
mux_read_screen | Execute/high | - | text
mux_read_screen | Execute/critical | code_exec | command
mux_read_all_deep | Execute/high | bulk | - | Reads every pane by typing a command into each terminal.
mux_list_panes | Read/low | - |
mux_send_keys | Execute/critical | code_exec public_sink | keys
mux_kill_session | Execute/high | - | id
mux_kill_all | Destructive/critical | bulk |
mux_split_pane | Execute/high | - |
mux_batch | Execute/high | bulk nested_calls | calls:nested
mill_batch | Execute/high | bulk nested_calls | -
mill_batch | Execute/high | bulk nested_calls | orders[]
mill_batch | Execute/high | bulk | id
run_many | Execute/high | bulk nested_calls | calls:nested
get_results | Execute/high | nested_calls | steps:nested
# calendars
agenda_list_events | Read/low | - | from:string
agenda_create_event | Write/medium | public_sink | title attendees[]
agenda_rsvp | Write/medium | - | id
agenda_find_free_time | Read/low | - |
agenda_reschedule_meeting | Write/medium | - | id
agenda_cancel_event | Execute/high | - | id
agenda_share_calendar | Write/medium | private_data public_sink | email
# chat and social
parlour_post_message | Write/medium | private_data untrusted_content public_sink | channel text
parlour_list_channels | Read/low | - |
parlour_add_reaction | Write/medium | - | emoji
parlour_react | Write/low | - | emoji
parlour_broadcast_announcement | Execute/high | public_sink | text
parlour_invite_member | Write/high | private_data public_sink | email
parlour_ban_user | Write/medium | private_data | id
parlour_thread_summary | Read/low | untrusted_content | id
chirp_tweet | Execute/high | untrusted_content public_sink | text
chirp_follow_user | Write/medium | private_data | id
chirp_get_feed | Read/low | untrusted_content |
chirp_schedule_post | Write/medium | untrusted_content | text
# smart home
hearth_turn_on | Write/medium | - | device
hearth_set_temperature | Write/medium | - | value:number
hearth_unlock_door | Write/high | - | id
hearth_disarm_alarm | Execute/high | - | code
hearth_dim_lights | Execute/medium | - | level:integer
hearth_get_state | Read/low | - | device
hearth_brew_coffee | Execute/high | - |
# health
ward_get_patient | Read/medium | private_data | id
ward_prescribe_medication | Write/medium | - | drug
ward_discharge_patient | Write/medium | private_data | id
ward_list_lab_results | Read/low | - | id
ward_check_interactions | Read/low | - | drugs[]
ward_book_appointment | Write/medium | - | slot
# people and pay
crew_list_employees | Read/medium | private_data |
crew_run_payroll | Financial/critical | - | month
crew_onboard_employee | Write/medium | private_data | name
crew_terminate_employee | Destructive/high | private_data | id
crew_approve_leave | Write/medium | - | id
crew_grant_role | Write/high | - | user role
crew_salary_statistics | Read/medium | private_data |
# travel, law, schools, factories, science
trip_search_flights | Read/low | - | from:string
trip_book_flight | Write/medium | - | offer_id
trip_pay_booking | Financial/critical | - | amount:number currency
docket_file_motion | Execute/high | - | text
docket_summarize_case | Read/low | - | id
school_grade_exam | Execute/high | - | id
school_enroll_student | Write/medium | private_data | id
plant_halt_line | Execute/high | - | id
plant_read_sensor | Read/low | - | id
plant_calibrate_valve | Execute/high | - | id
lab_simulate_reaction | Execute/high | - | smiles
lab_fold_protein | Execute/high | - | sequence
lab_convert_units | Read/low | - | value:number
lab_compute_mass | Read/low | - | formula
# things that are called anything
weather | Read/low | - | city | Returns the weather in a city.
weather | Execute/high | - | city
weather | Execute/high | - | city | Deletes the weather.
frobnicate | Execute/high | - |
orders | Read/low | - | - | Lists the orders of a day.
manage_hives | Read/low | - | action=list|get
manage_hives | Destructive/high | - | action=list|get|delete
manage_hives | Write/medium | - | action=list|create
hive_status | Read/low | - |
about | Read/low | - |
get_messages | Write/medium | private_data untrusted_content | mark_as_read?
translate_text | Read/low | - | text target
generate_uuid | Read/low | - |
generate_image | Write/medium | - | prompt
think | Read/low | - | thought
ask_librarian | Read/low | - | question | Asks a question about a library's documentation.
test_connection | Read/low | - |
resolve_ticket | Write/medium | untrusted_content | id
resolve_package_name | Read/low | - | name
track_parcel | Read/low | - | number | Tracks a parcel.
track_event | Write/medium | - | name
list_create | Write/medium | - | name
import_status | Write/medium | - | id
import_status | Read/low | - | id | Returns the status of an import.
import_status | Write/medium | - | id | Returns the status and updates it.
log_search | Read/low | - | query
stream_start | Execute/high | - | id
lint_fix | Write/medium | - | path
monitor_add_rule | Write/medium | - | name
token_introspect | Read/high | secret | id
check_update | Read/low | - |
report_abuse | Write/medium | - | id
sales_report | Read/low | - | month
format_disk | Destructive/critical | - | id
format_text | Read/low | - | text
recall_product | Execute/high | - | id
monitor_start | Execute/high | - | id
poll_close | Execute/high | - | id
estimate_create | Write/medium | - | id
watch_repository | Write/medium | - | id
list_for_sale | Financial/critical | - | id
search_rows | Execute/critical | code_exec | sql
download_report | Write/medium | - | path | Downloads a report.
download_report | Read/low | - | id | Downloads a report.
plan_get | Read/low | - | id
deploy_plan_get | Read/low | - | id
hives__list | Read/low | - |
`;

const property = (text: string): [string, object] => {
  const [, name = "", mark = "", rest = ""] = /^([A-Za-z_]+)(:|=|\[\]|\?)?(.*)$/.exec(text) ?? [];
  if (mark === "[]") return [name, { type: "array", items: { type: "string" } }];
  if (mark === "?") return [name, { type: "boolean" }];
  if (mark === "=") return [name, { type: "string", enum: rest.split("|") }];
  if (rest === "nested")
    return [name, { type: "array", items: { type: "object", properties: { tool: {}, arguments: {} } } }];
  return [name, { type: rest === "" ? "string" : rest }];
};

const list = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "" && word !== "-");

function invented(row: string): Invented {
  const [name = "", expected = "", flags = "", given = "-", description = ""] = row.split(/\s\|(?:\s|$)/);
  return { name, expected, flags, parameters: given.trim() === "-" ? null : given, description };
}

export const inventedTools: readonly Invented[] = rows
  .split("\n")
  .filter((row) => row !== "" && !row.startsWith("#"))
  .map(invented);

/** The definition as its server would list it. */
export function definitionOf({ name, parameters, description }: Invented): JsonObject {
  const properties = parameters === null ? null : Object.fromEntries(list(parameters).map(property));
  const value = fromPlain({
    name,
    ...(description && { description }),
    ...(properties && { inputSchema: { type: "object", properties } }),
  });
  if (!(value instanceof Map)) throw new TypeError("a definition is an object");
  return value;
}

export const flagsOf = (tool: Invented): string[] => list(tool.flags);
