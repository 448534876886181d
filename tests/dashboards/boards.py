"""The dashboards: fleet, rollout, FleetUpdates, controller."""

from collections.abc import Callable

from grafana_foundation_sdk.builders.dashboard import Dashboard

from ibgu.core.drivers.cluster_version.actions import UPDATE_ACTIONS
from tests.dashboards.panels import (
    WIDTH,
    Panel,
    board,
    choice,
    heat,
    lines,
    number,
    quantiles,
    stacked,
)

Panels = tuple[Panel, ...]
RATE = "[$__rate_interval]"


def fleet() -> Dashboard:
    description = "All rollouts of a hub: what runs, what failed, how much room there is."
    made = board("ibgu / Fleet", "ibgu-fleet", description)
    return _filled(made, *_fleet_now(), *_fleet_over_time())


def _fleet_now() -> Panels:
    return (
        number("Running", 'max(ibgu_rollouts{phase="Running"})'),
        number(
            "Held or invalid",
            'sum(max by (phase) (ibgu_rollouts{phase=~"Held|Invalid"}))',
            bad_from=1,
        ),
        number("In flight", 'max(ibgu_slots{state="used"})'),
        number("Waiting", 'sum(max by (state) (ibgu_members{state=~"waiting|probing|held"}))'),
        number(
            "Completed with failures",
            'max(ibgu_rollouts{phase="CompletedWithFailures"})',
            bad_from=1,
        ),
        number(
            "Stalled",
            "sum(max by (rollout, action) (ibgu_rollout_stalled_members))",
            bad_from=1,
        ),
    )


def _fleet_over_time() -> Panels:
    return (
        stacked(
            "Clusters of running steps",
            {"{{state}}": "max by (state) (ibgu_members) > 0"},
            span=WIDTH,
        ),
        lines("Slots", {"{{state}}": "max by (state) (ibgu_slots)"}),
        stacked("Rollouts by phase", {"{{phase}}": "max by (phase) (ibgu_rollouts)"}),
        stacked(
            "Failures by cause, per hour",
            {
                "step from {{action}}: {{cause}}": (
                    "sum by (action, cause)"
                    ' (increase(ibgu_members_ended_total{outcome="failed"}[1h])) > 0'
                )
            },
        ),
        stacked(
            "Ends per minute",
            {
                "{{outcome}}": (
                    "60 * sum by (outcome) (rate(ibgu_members_ended_total[$__rate_interval]))"
                )
            },
        ),
        stacked(
            "Held, or rate limited",
            {
                "{{rollout}}: {{reason}}": "max by (rollout, reason) (ibgu_rollout_held)",
                "{{rollout}}: {{reason}} (rate limit)": "max by (rollout, reason) "
                "(ibgu_rollout_rate_limited)",
                "{{rollout}}: broken glass": "max by (rollout) (ibgu_rollout_broken_glass)",
                "{{rollout}}: second rollout {{result}}": "max by (rollout, result) "
                "(ibgu_rollout_follow_ups)",
            },
        ),
        stacked(
            "Clusters held by policies",
            {"{{policy}}": "max by (policy) (ibgu_policy_held_clusters)"},
        ),
        lines(
            "Stalled by rollout",
            {
                "{{rollout}} {{action}}": (
                    "max by (rollout, action) (ibgu_rollout_stalled_members) > 0"
                )
            },
        ),
    )


def rollout() -> Dashboard:
    description = (
        "One rollout: where its clusters stand, and how long their actions take on this hub."
    )
    one = '{rollout="$rollout"}'
    names = choice("rollout", "Rollout", "label_values(ibgu_rollout_clusters, rollout)")
    made = board("ibgu / Rollout", "ibgu-rollout", description).with_variable(names)
    return _filled(made, *_rollout_now(one), *_rollout_over_time(one))


def _rollout_now(one: str) -> Panels:
    left = 'state=~"waiting|running"'
    return (
        number("Step", f"max by (step) (ibgu_rollout_members{one})", name="{{step}}"),
        number(
            "Waiting or running",
            f'sum(max by (state) (ibgu_rollout_clusters{{rollout="$rollout",{left}}}))',
        ),
        number("Done", state_of("succeeded")),
        number("Failed", state_of("failed"), bad_from=1),
        number("Stalled", f"sum(max by (action) (ibgu_rollout_stalled_members{one}))", bad_from=1),
        number("Held", f"max(ibgu_rollout_held{one})", bad_from=1),
    )


def _rollout_over_time(one: str) -> Panels:
    return (
        stacked(
            "Clusters of the whole rollout",
            {"{{state}}": f"max by (state) (ibgu_rollout_clusters{one}) > 0"},
        ),
        lines(
            "Findings of preflight",
            {"{{severity}}": f"max by (severity) (ibgu_rollout_preflight_findings{one})"},
        ),
        stacked(
            "Clusters of the running step",
            {"{{state}}": f"max by (state) (ibgu_rollout_members{one}) > 0"},
        ),
        lines("Slots", {"{{state}}": f"max by (state) (ibgu_rollout_slots{one})"}),
        lines(
            "Stalled by action",
            {"{{action}}": f"max by (action) (ibgu_rollout_stalled_members{one})"},
        ),
        lines(
            "Clusters that warned, or can be rolled back",
            {
                "warned": f"max(ibgu_rollout_warned_clusters{one})",
                "can be rolled back": f"max(ibgu_rollout_rollback_clusters{one})",
                "paused": f"max(ibgu_rollout_paused_clusters{one})",
            },
        ),
        lines(
            "Clusters that wait for a person, or soak",
            {
                "{{reason}}": f"max by (reason) (ibgu_rollout_members_waiting_for_person{one})",
                "soaking": f"max(ibgu_rollout_soaking_members{one})",
            },
        ),
        lines(
            "Time left to finalize or roll back, and time that parts of clusters are paused",
            {
                "time left": f"min(ibgu_rollout_rollback_until_timestamp_seconds{one}) - time()",
                "paused": f"time() - min(ibgu_rollout_paused_since_timestamp_seconds{one})",
            },
            "s",
        ),
        lines(
            "How long actions take (all rollouts)",
            quantiles("ibgu_action_duration_seconds", "action", '{result="succeeded"}'),
            "s",
        ),
        heat(
            "Durations of actions (all rollouts)",
            "sum by (le) (increase(ibgu_action_duration_seconds_bucket[$__rate_interval]))",
        ),
        lines(
            "Waiting and working (all rollouts)",
            {
                "{{spent}}, mean of {{action}}": (
                    "sum by (spent, action) (rate(ibgu_member_seconds_sum[1h]))"
                    " / sum by (spent, action) (rate(ibgu_member_seconds_count[1h]))"
                )
            },
            "s",
        ),
        stacked(
            "Ends of actions per minute (all rollouts)",
            {
                "{{action}} {{result}}": (
                    "60 * sum by (action, result) (rate(ibgu_actions_total[$__rate_interval]))"
                )
            },
        ),
    )


def updates() -> Dashboard:
    description = "FleetUpdates of a hub: actions, failures, backups, pauses, and what stalls."
    made = board("ibgu / FleetUpdates", "ibgu-updates", description)
    return _filled(made, *_updates_now(), *_updates_over_time())


_OF_UPDATES = f'action=~"{"|".join(UPDATE_ACTIONS.names)}"'
"""The actions tell FleetUpdates from IBGUs: no name is in both kinds."""
_ENDED = "ibgu_members_ended_total"


def _updates_now() -> Panels:
    ended = f"increase({_ENDED}{{{_OF_UPDATES}"
    return (
        number(
            "Clusters updated, last day",
            'sum(increase(ibgu_actions_total{action="Update",result="succeeded"}[1d]))',
        ),
        number(
            "Releases refused, last day",
            f'sum({ended},outcome="failed",cause="UpdateRefused"}}[1d]))',
            bad_from=1,
        ),
        number(
            "Backups failed, last day",
            f'sum({ended},outcome="failed",cause="BackupFailed"}}[1d]))',
            bad_from=1,
        ),
        number(
            "Stalled updates",
            f"sum(max by (rollout, action) (ibgu_rollout_stalled_members{{{_OF_UPDATES}}}))",
            bad_from=1,
        ),
        number("Clusters paused", "sum(max by (rollout) (ibgu_rollout_paused_clusters))"),
        number(
            "Updates failed, last day",
            'sum(increase(ibgu_actions_total{action="Update",result=~"failed|limit|refused"}[1d]))',
            bad_from=1,
        ),
    )


def _updates_over_time() -> Panels:
    return (
        stacked(
            "Ends of actions, per hour",
            {
                "{{action}} {{result}}": (
                    "sum by (action, result)"
                    f" (increase(ibgu_actions_total{{{_OF_UPDATES}}}[1h])) > 0"
                )
            },
            span=WIDTH,
        ),
        stacked(
            "Failures of FleetUpdates by cause, per hour",
            {
                "step from {{action}}: {{cause}}": (
                    "sum by (action, cause)"
                    f' (increase({_ENDED}{{{_OF_UPDATES},outcome="failed"}}[1h])) > 0'
                )
            },
        ),
        lines(
            "Stalled by FleetUpdate",
            {
                "{{rollout}} {{action}}": (
                    f"max by (rollout, action) (ibgu_rollout_stalled_members{{{_OF_UPDATES}}}) > 0"
                )
            },
        ),
        lines(
            "Clusters with paused parts",
            {"{{rollout}}": "max by (rollout) (ibgu_rollout_paused_clusters) > 0"},
        ),
        lines(
            "How long parts of clusters are paused",
            {
                "{{rollout}}": (
                    "time() - min by (rollout) (ibgu_rollout_paused_since_timestamp_seconds)"
                )
            },
            "s",
        ),
        lines(
            "How long actions of FleetUpdates take",
            quantiles(
                "ibgu_action_duration_seconds", "action", f'{{{_OF_UPDATES},result="succeeded"}}'
            ),
            "s",
        ),
        stacked(
            "Pools and Updates that go on with another run, per hour",
            {
                "{{action}}": (
                    'sum by (action) (increase(ibgu_actions_total{result="continued"}[1h])) > 0'
                )
            },
        ),
    )


def state_of(state: str) -> str:
    return f'max(ibgu_rollout_clusters{{rollout="$rollout",state="{state}"}})'


def controller() -> Dashboard:
    description = "ibgu itself: who leads, how fast it reacts, what hub and database answer."
    made = board("ibgu / Controller", "ibgu-controller", description)
    return _filled(
        made, *_controller_now(), *_hub(), *_process(), *_rest(), *_notifications(), *_others()
    )


def _controller_now() -> Panels:
    return (
        number("Leaders", "sum(ibgu_leader)"),
        number("Journal unavailable", "max(ibgu_journal_unavailable)", bad_from=1),
        number("Rights missing", "max(ibgu_rights_missing)", bad_from=1),
        number("TALM is live", "max(ibgu_talm_live)", bad_from=1),
        number("Oldest watch", "max(ibgu_watch_age_seconds)", "s", bad_from=180),
        number("Writes pending", "max(ibgu_write_queue_depth)"),
    )


def _hub() -> Panels:
    return (
        lines("Reaction", quantiles("ibgu_reaction_seconds"), "s"),
        lines("Turns", quantiles("ibgu_turn_seconds"), "s"),
        lines("Journal commits", quantiles("ibgu_journal_commit_seconds"), "s"),
        lines(
            "Old records deleted in an hour",
            {"{{what}}": "sum by (what) (increase(ibgu_journal_forgotten_total[1h]))"},
        ),
        lines("Write queue", {"objects": "max(ibgu_write_queue_depth)"}),
        stacked(
            "Requests to the hub",
            {"{{verb}} {{code}}": f"sum by (verb, code) (rate(ibgu_hub_requests_total{RATE}))"},
            "reqps",
        ),
        stacked(
            "Bytes sent to the hub",
            {
                "{{verb}} {{resource}}": (
                    f"sum by (verb, resource) (rate(ibgu_hub_sent_bytes_total{RATE}))"
                )
            },
            "Bps",
        ),
        stacked(
            "Writes by result",
            {"{{kind}} {{result}}": f"sum by (kind, result) (rate(ibgu_hub_writes_total{RATE}))"},
            "wps",
        ),
        lines(
            "Clusters asked to be read now",
            {
                "{{action}}": f"sum by (action) (rate(ibgu_feedback_refreshes_total{RATE}))",
                "waiting": "max(ibgu_feedback_refreshes_waiting)",
            },
        ),
    )


def _process() -> Panels:
    return (
        lines("Silence of watches", {"{{kind}}": "max by (kind) (ibgu_watch_age_seconds)"}, "s"),
        lines(
            "Objects that could not be read", {"{{kind}}": f"rate(ibgu_bad_objects_total{RATE})"}
        ),
        lines(
            "Errors of ibgu's own",
            {
                "rollouts quarantined": "max(ibgu_rollouts_quarantined)",
                "{{what}}": "sum by (what) (increase(ibgu_own_errors_total[5m]))",
            },
        ),
        lines(
            "Leader",
            {
                "{{pod}}": "ibgu_leader",
                "{{pod}}, leads begun in 10 minutes": "increase(ibgu_leads_total[10m])",
            },
        ),
        lines("Memory", {"{{pod}}": 'process_resident_memory_bytes{job="ibgu"}'}, "bytes"),
        lines("CPU", {"{{pod}}": f'rate(process_cpu_seconds_total{{job="ibgu"}}{RATE})'}),
    )


def _notifications() -> Panels:
    return (
        lines(
            "Notifications: oldest message",
            {"{{receiver}}": "max by (receiver) (ibgu_notify_lag_seconds)"},
            "s",
        ),
        stacked(
            "Notifications: tries",
            {
                "{{receiver}} {{result}}": (
                    f"60 * sum by (receiver, result) (rate(ibgu_notifications_total{RATE}))"
                )
            },
        ),
    )


def _others() -> Panels:
    return (
        stacked("Versions", {"{{version}}": "count by (version) (ibgu_build_info)"}),
        stacked(
            "Sources of canaries' health: questions",
            {
                "{{source}} {{result}}": (
                    f"60 * sum by (source, result) (rate(ibgu_health_source_questions_total{RATE}))"
                )
            },
        ),
    )


def _rest() -> Panels:
    return (
        stacked(
            "REST: answers",
            {
                "{{code}}": (
                    f'sum by (code) (rate(ibgu_api_requests_total{{route=~"/api/.*"}}{RATE}))'
                )
            },
            "reqps",
        ),
        lines("REST: time", quantiles("ibgu_api_request_seconds", "route"), "s"),
        stacked(
            "REST: open now",
            {"{{what}}": "sum by (what) (ibgu_api_open)"},
        ),
        stacked(
            "REST: refused or cut",
            {"{{why}}": f"sum by (why) (rate(ibgu_api_refused_total{RATE}))"},
            "reqps",
        ),
    )


def _filled(on: Dashboard, *panels: Panel) -> Dashboard:
    for panel in panels:
        on.with_panel(panel)
    return on


BOARDS: dict[str, Callable[[], Dashboard]] = {
    "fleet": fleet,
    "rollout": rollout,
    "updates": updates,
    "controller": controller,
}
