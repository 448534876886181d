"""The tiers of tests: what `make test` leaves to `make test-all`, and what a run has skipped.

A slow test has the marker `slow` with a key of `REASONS`: its own, its module's (`pytestmark`), or
that of its file or folder (`SLOW`), unless it is one of `SELECTED`. Three tiers follow: `make
test-quick` is the core by examples, `make test` all that is not slow, `make test-all` everything.
"""

from collections import Counter

import pytest

from tests.times import needs_of

REASONS = {
    "every-point": "walks through every point of many rollouts: examples take the same paths",
    "drawn": "draws its cases: examples take the same paths",
    "real-time": "waits for seconds that nobody can shorten: limits and intervals of real programs",
    "scene": "meets servers that other scenes meet, too: what it decides has its test in the core",
    "own-servers": "starts servers of its own, for what a test of one part proves at a lower level",
    "neighbour": "real work agents or TALM in a situation that the model of them has, too",
    "page": "a further view or flow in Chromium: what it shows has its test in the API",
    "net": "a search through seeds: `make test` plays the seeds that are known",
    "release": "builds programs, or what is released",
    "chaos": "kills, fills, pauses and cuts off real servers",
}
"""Why a test is slow, by the key that its marker names."""
SLOW = {
    "bad_seed": "net",
    "benchmarks/test_agents_part.py": "own-servers",
    "benchmarks/test_rollout.py": "own-servers",
    "benchmarks/test_scale.py": "own-servers",
    "benchmarks/test_updates.py": "own-servers",
    "charts/test_beside_talm.py": "own-servers",
    "charts/test_flow_control.py": "own-servers",
    "charts/test_lease_policy.py": "own-servers",
    "chaos": "chaos",
    "cli/test_missing_namespace.py": "own-servers",
    "e2e": "scene",
    "fidelity": "neighbour",
    "neighbours": "neighbour",
    "release": "release",
    "sandbox/test_demo.py": "own-servers",
    "sandbox/test_no_traces.py": "own-servers",
    "security/test_burst.py": "real-time",
    "security/test_memory.py": "real-time",
    "security/test_rest_fuzz.py": "drawn",
    "sim/test_player_real.py": "scene",
    "web": "page",
}
"""Folders and files whose tests are slow, each for one reason, but for those of `SELECTED`."""
SELECTED: dict[str, tuple[str, ...]] = {
    "charts/test_beside_talm.py": (
        "test_the_policy_is_rendered_only_where_it_is_enabled",
        "test_values_that_would_drop_the_policy_are_refused",
        "test_the_accounts_are_those_of_the_values",
    ),
    "charts/test_lease_policy.py": (
        "test_a_tenant_cannot_keep_ibgu_from_leading",
        "test_when_it_is_installed",
    ),
    "e2e/test_adopt.py": ("test_a_rollout_is_taken_over_in_mid_plan",),
    "e2e/test_backup_before_upgrade.py": (
        "test_a_cluster_without_a_backup_is_not_upgraded_and_the_other_is",
    ),
    "e2e/test_before_policies.py": ("test_confined_references_are_refused_and_the_doctor_says_so",),
    "e2e/test_beside_talm.py": (
        "test_ibgu_and_talm_work_side_by_side",
        "test_an_ibgu_is_taken_over_beside_a_live_talm",
    ),
    "e2e/test_canary_health.py": ("test_operators_and_nodes_are_read_while_others_wait",),
    "e2e/test_canary_rollback.py": (
        "test_a_canary_that_breaks_is_rolled_back_and_the_others_wait",
    ),
    "e2e/test_command.py": ("test_ibgu_run_carries_out_a_rollout",),
    "e2e/test_content.py": ("test_packed_files_are_byte_equal_on_the_clusters",),
    "e2e/test_default_installation.py": ("test_the_manuals_ibgu_is_carried_out",),
    "e2e/test_doctor.py": ("test_doctor_reports_the_answers_of_the_clusters",),
    "e2e/test_documented.py": (
        "test_an_upgrade_in_several_steps",
        "test_running_and_waiting_clusters_are_cancelled_by_a_second_ibgu",
        "test_an_upgraded_cluster_is_rolled_back_by_a_second_ibgu",
    ),
    "e2e/test_evidence.py": ("test_only_clusters_whose_backups_or_restores_failed_are_read",),
    "e2e/test_failures.py": (
        "test_every_failure_of_upgrade",
        "test_a_refused_field_is_named",
    ),
    "e2e/test_fleet_backup.py": (
        "test_a_cluster_without_a_backup_is_not_updated_and_the_others_are",
    ),
    "e2e/test_fleet_pins.py": ("test_all_nodes_have_the_images_before_the_update",),
    "e2e/test_fleet_update.py": ("test_pools_are_paused_for_an_update_and_resumed_in_their_order",),
    "e2e/test_follow_ups.py": ("test_failed_clusters_are_aborted_and_retried_by_one_command",),
    "e2e/test_freshness.py": ("test_an_end_is_seen_at_once_though_agents_poll",),
    "e2e/test_grants.py": ("test_a_step_starts_once_somebody_else_than_its_author_approves",),
    "e2e/test_hands.py": (
        "test_a_work_that_lost_its_label_is_found_again",
        "test_waiting_members_are_skipped_by_an_annotation",
    ),
    "e2e/test_hostile.py": ("test_a_cluster_that_writes_what_the_journal_can_not_store",),
    "e2e/test_inspections.py": ("test_clusters_answer_and_no_work_is_left",),
    "e2e/test_kill.py": ("test_a_controller_killed_in_every_phase[of members]",),
    "e2e/test_labels.py": ("test_clusters_are_found_by_the_labels_that_they_have_now",),
    "e2e/test_leadership.py": ("test_a_fail_over_is_reported_everywhere_in_the_same_words",),
    "e2e/test_limits.py": (
        "test_a_hanging_cluster_fails_at_the_deadline_with_its_last_words",
        "test_dark_clusters_wait_without_a_slot_and_join_later",
    ),
    "e2e/test_missing_rights.py": ("test_the_controller_names_it_and_goes_on_once_it_is_given",),
    "e2e/test_no_way_on.py": ("test_a_cluster_that_failed_after_the_pivot_is_rolled_back",),
    "e2e/test_numbers.py": ("test_page_rest_and_kubectl_agree",),
    "e2e/test_objects.py": (
        "test_an_ibgu_deleted_in_mid_flight_lets_everything_go",
        "test_two_ibgus_on_the_same_clusters",
    ),
    "e2e/test_outages.py": (
        "test_the_api_server_restarts",
        "test_postgres_goes_away_for_a_while",
    ),
    "e2e/test_payload.py": ("test_the_payload_is_on_the_cluster_before_prep",),
    "e2e/test_preflight_gate.py": (
        "test_a_cluster_with_an_error_waits_and_starts_by_itself_once_it_heals",
    ),
    "e2e/test_preparation.py": (
        "test_clusters_are_prepared_by_their_labels_with_the_guides_rights",
    ),
    "e2e/test_rate_limits.py": (
        "test_a_restart_keeps_the_rate_limit_and_a_typing_error_keeps_no_abort",
    ),
    "e2e/test_references.py": ("test_with_the_policy_nothing_of_it_is_even_created",),
    "e2e/test_reported.py": ("test_a_warning_and_the_deadline_come_to_the_operator_and_go",),
    "e2e/test_restores.py": ("test_hub_and_journal_are_restored_to_the_same_moment",),
    "e2e/test_retry.py": ("test_a_failed_prep_is_tried_again_and_the_cluster_upgraded",),
    "e2e/test_rollout_policies.py": ("test_two_rollouts_share_the_places_of_a_policy",),
    "e2e/test_secrets.py": (),
    "e2e/test_seed_breaker.py": ("test_failures_in_one_rollout_hold_the_next_one",),
    "e2e/test_steered.py": ("test_paused_resumed_aborted_and_tried_again",),
    "e2e/test_talm_killed.py": (
        "test_a_cluster_that_failed_without_talms_seeing_it_is_adopted_as_failed",
    ),
    "e2e/test_tenancy.py": ("test_an_ibgu_for_all_clusters_gets_only_those_of_its_namespace",),
    "e2e/test_two_hubs.py": ("test_each_controller_and_api_serves_only_its_hub",),
    "e2e/test_unreadable.py": ("test_only_an_unreadable_rollout_is_held_until_it_is_readable",),
    "fidelity/test_fidelity.py": (
        "test_a_count_between_two_of_the_models_is_no_difference",
        "test_objects_that_are_read_while_they_change_are_no_difference",
        "test_the_report_names_every_scene_and_step",
    ),
    "neighbours/test_documented.py": ("test_an_upgrade_in_several_steps",),
    "neighbours/test_failures.py": ("test_failures_around_the_pivot",),
    "neighbours/test_fleet_update.py": ("test_two_clusters_are_updated_and_keep_what_is_theirs",),
    "neighbours/test_gather.py": ("test_logs_come_back_and_nothing_stays_on_the_cluster",),
    "neighbours/test_inspections.py": ("test_the_defects_of_one_of_two_clusters_are_found",),
    "neighbours/test_programs.py": (),
    "neighbours/test_reboot.py": ("test_a_cluster_that_is_silent_after_its_reboot_is_read_once",),
    "release/test_texts.py": (),
    "sandbox/test_no_traces.py": ("test_after_ctrl_c",),
    "sim/test_player_real.py": ("test_a_fleet_through_all_stages",),
    "web/test_accessible.py": (),
    "web/test_actions.py": (
        "test_a_pause_from_the_page_has_the_reason_that_everyone_sees",
        "test_an_approval_of_what_cannot_be_undone_asks_for_the_name",
        "test_upgraded_clusters_are_rolled_back_by_a_rollout_that_can_be_followed",
        "test_an_action_beyond_the_callers_rights_names_the_right",
    ),
    "web/test_cross_site.py": (
        "test_the_page_of_who_has_signed_in_shows_and_changes",
        "test_a_script_of_another_page_changes_nothing",
    ),
    "web/test_flows.py": (
        "test_a_token_opens_the_page_and_is_forgotten_with_the_tab",
        "test_the_cause_of_a_failed_cluster_is_three_clicks_away",
        "test_the_list_says_what_needs_a_person",
        "test_a_link_holds_step_and_filter",
        "test_a_forbidden_rollout_shows_an_alert",
        "test_the_whole_history_of_a_cluster_can_be_read",
        "test_members_are_ordered_by_a_column_and_the_link_keeps_it",
    ),
    "web/test_leadership.py": ("test_every_view_says_who_leads",),
    "web/test_live.py": (
        "test_finished_clusters_appear_without_a_reload",
        "test_old_facts_are_marked_as_old_and_come_back",
    ),
    "web/test_pictures.py": (),
    "web/test_policies.py": (
        "test_a_policy_leads_to_what_it_holds",
        "test_markup_in_a_policy_is_shown_as_text",
    ),
    "web/test_preflight.py": (
        "test_no_go_for_some",
        "test_text_of_a_tenant_is_escaped",
    ),
    "web/test_site.py": (),
    "web/test_words.py": ("test_no_view_shows_a_backtick",),
}
"""The tests of these that `make test` has: between them they meet every surface once. By file, the
names of its tests; no name: all."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if needs_of(item) in ("real hub", "agent", "TALM", "browser"):
            item.add_marker(pytest.mark.servers)
        if reason := _reason_of_folder(item):
            item.add_marker(pytest.mark.slow(reason))
        for marker in item.iter_markers("slow"):
            if marker.args not in {(key,) for key in REASONS}:
                raise pytest.UsageError(f"{item.nodeid}: slow names no reason of tests/tiers.py")


def _reason_of_folder(item: pytest.Item) -> str | None:
    """Returns the reason why all tests like this one are slow, if they are."""
    path = item.nodeid.removeprefix("tests/").partition("::")[0]
    if path.startswith(("core/", "oracle/")) and item.get_closest_marker("hypothesis"):
        return "drawn"
    names = SELECTED.get(path, (None,))
    if not names or item.name in names or getattr(item, "originalname", "") in names:
        return None
    return SLOW.get(path) or SLOW.get(path.partition("/")[0])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says `0 skipped`, or each reason why tests were, and how many."""
    skipped: Counter[str] = Counter()
    for report in terminalreporter.getreports("skipped"):
        if isinstance(report.longrepr, tuple):
            skipped[str(report.longrepr[2]).removeprefix("Skipped: ")] += 1
    terminalreporter.write_line(f"{sum(skipped.values())} skipped")
    for reason, number in skipped.items():
        terminalreporter.write_line(f"  {number} x {reason}")
