"""Metrics (Prometheus conventions, no per-cluster labels) and structured logs."""

import logging
import os
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

import structlog
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase
from structlog.typing import EventDict, Processor

from ibgu.core.text.harmless import harmless, one_line

if TYPE_CHECKING:
    from ibgu.hub.port import Hub
    from ibgu.hub.writing.writer import WriteResult

_LATENCIES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_DURATIONS = (10, 30, 60, 120, 300, 600, 1200, 1800, 2700, 3600, 7200, 14400, 28800)

# When each series began interests nobody, and would be a third of all lines.
disable_created_metrics()  # type: ignore[no-untyped-call]

BUILD = Gauge("ibgu_build_info", "Always 1; the label has the running version.", ["version"])
BUILD.labels(version("ibgu")).set(1)

# the loop
TURN = Histogram("ibgu_turn_seconds", "Duration of one decision cycle.", buckets=_LATENCIES)
REACTION = Histogram(
    "ibgu_reaction_seconds",
    "Time from the first change that a decision cycle handles to the end of the "
    "cycle, when its decisions are in the journal and its writes are queued for "
    "the hub.",
    buckets=_LATENCIES,
)
COMMIT = Histogram("ibgu_journal_commit_seconds", "Journal commits.", buckets=_LATENCIES)
LEADER = Gauge("ibgu_leader", "1 while this process leads.")
LEADS = Counter("ibgu_leads", "Number of times that this process became leader.")
FORGOTTEN = Counter(
    "ibgu_journal_forgotten",
    "Records that were deleted because of their age (IBGU_EVENTS_DAYS, IBGU_ROLLOUTS_DAYS).",
    ["what"],
)
JOURNAL_UNAVAILABLE = Gauge("ibgu_journal_unavailable", "1 while the journal can't be written.")
QUARANTINED = Gauge(
    "ibgu_rollouts_quarantined",
    "Rollouts that the leader can't work on because of an internal error.",
)
OWN_ERRORS = Counter(
    "ibgu_own_errors",
    "Internal errors about one rollout, in its work or in reporting it; each counts once.",
    ["what"],
)
TALM_LIVE = Gauge(
    "ibgu_talm_live",
    "1 while a live TALM, or one that may live, keeps the leader from writing, or rollouts of "
    "a namespace from starting.",
)

# the hub
HUB_REQUESTS = Counter("ibgu_hub_requests", "Requests to the hub.", ["verb", "code"])
HUB_SENT = Counter(
    "ibgu_hub_sent_bytes", "Bytes of the bodies of requests to the hub.", ["verb", "resource"]
)
WRITES = Counter("ibgu_hub_writes", "Writes by object kind and result.", ["kind", "result"])
QUEUE = Gauge("ibgu_write_queue_depth", "Objects with a write pending.")
REFRESHES = Counter(
    "ibgu_feedback_refreshes",
    "Requests for immediate feedback, made by touching a cluster's work.",
    ["action"],
)
REFRESHES_WAITING = Gauge(
    "ibgu_feedback_refreshes_waiting",
    "Requests for feedback that wait for IBGU_FEEDBACK_REFRESH_RATE.",
)
WATCH_AGE = Gauge("ibgu_watch_age_seconds", "Time since the last message of a watch.", ["kind"])
BAD_OBJECTS = Counter("ibgu_bad_objects", "Objects of the hub that could not be read.", ["kind"])
RIGHTS_MISSING = Gauge("ibgu_rights_missing", "Rights that ibgu needs but the hub refuses.")

# the work
ACTIONS = Counter("ibgu_actions", "Ended actions.", ["action", "result", "cause"])
ACTION_SECONDS = Histogram(
    "ibgu_action_duration_seconds",
    "Duration of ended actions, from arming to end.",
    ["action", "result"],
    buckets=_DURATIONS,
)
MEMBERS_ENDED = Counter(
    "ibgu_members_ended",
    "Clusters that have ended a step, by its first action.",
    ["action", "outcome", "cause"],
)
MEMBER_SECONDS = Histogram(
    "ibgu_member_seconds",
    "Time that clusters spent in a step they have ended, before their start "
    "(waiting) and after it (working), by the step's first action.",
    ["action", "spent"],
    buckets=_DURATIONS,
)
ROLLOUTS = Gauge("ibgu_rollouts", "Rollouts by phase.", ["phase"])
MEMBERS = Gauge("ibgu_members", "Members of running steps by state.", ["state"])
SLOTS = Gauge("ibgu_slots", "Slots of running steps.", ["state"])
ROLLOUT_CLUSTERS = Gauge(
    "ibgu_rollout_clusters",
    "Clusters of a whole rollout by state, also after its end; each cluster counts "
    "once, and the sum is the total.",
    ["rollout", "state"],
)
ROLLOUT_WARNED = Gauge(
    "ibgu_rollout_warned_clusters",
    "Clusters of a rollout that completed an action with a warning.",
    ["rollout"],
)
ROLLOUT_ROLLBACK = Gauge(
    "ibgu_rollout_rollback_clusters",
    "Clusters of a rollout that can be rolled back and report a deadline for it.",
    ["rollout"],
)
ROLLOUT_ROLLBACK_UNTIL = Gauge(
    "ibgu_rollout_rollback_until_timestamp_seconds",
    "Earliest rollback deadline of a rollout's clusters.",
    ["rollout"],
)
ROLLOUT_PAUSED = Gauge(
    "ibgu_rollout_paused_clusters",
    "Clusters of which a rollout has paused parts that are not resumed yet.",
    ["rollout"],
)
ROLLOUT_PAUSED_SINCE = Gauge(
    "ibgu_rollout_paused_since_timestamp_seconds",
    "Time since which parts of a rollout's clusters have been paused the longest.",
    ["rollout"],
)
ROLLOUT_MEMBERS = Gauge(
    "ibgu_rollout_members",
    "Members of the running step of a rollout by state.",
    ["rollout", "step", "state"],
)
ROLLOUT_STALLED = Gauge(
    "ibgu_rollout_stalled_members",
    "Members in flight whose action is stalled: longer than 1.25 times p95, and than 30 seconds.",
    ["rollout", "action"],
)
ROLLOUT_WAITING_FOR_PERSON = Gauge(
    "ibgu_rollout_members_waiting_for_person",
    "Members of the running step of a rollout that go on only once a person acts, by reason.",
    ["rollout", "reason"],
)
ROLLOUT_SOAKING = Gauge(
    "ibgu_rollout_soaking_members",
    "Members in flight that have done their part, and soak.",
    ["rollout"],
)
ROLLOUT_SLOTS = Gauge(
    "ibgu_rollout_slots", "Slots of the running step of a rollout.", ["rollout", "state"]
)
ROLLOUT_HELD = Gauge(
    "ibgu_rollout_held",
    "1 while nothing new starts in a rollout, by reason.",
    ["rollout", "reason"],
)
ROLLOUT_RATE_LIMITED = Gauge(
    "ibgu_rollout_rate_limited",
    "1 while clusters of a rollout that could start wait for a rate limit, by reason.",
    ["rollout", "reason"],
)
POLICY_HELD = Gauge(
    "ibgu_policy_held_clusters",
    "Clusters of running steps that a RolloutPolicy holds, by policy.",
    ["policy"],
)
ROLLOUT_FOLLOW_UPS = Gauge(
    "ibgu_rollout_follow_ups",
    "Second rollouts that policies have asked for, for clusters of a rollout, by result.",
    ["rollout", "result"],
)
ROLLOUT_BROKEN_GLASS = Gauge(
    "ibgu_rollout_broken_glass",
    "Times that somebody lets a rollout pass gates of policies now.",
    ["rollout"],
)
ROLLOUT_PREFLIGHT = Gauge(
    "ibgu_rollout_preflight_findings",
    "Findings of preflight for the running step of a rollout, by severity.",
    ["rollout", "severity"],
)

# notifications
NOTIFICATIONS = Counter(
    "ibgu_notifications", "Delivery attempts to a receiver, by result.", ["receiver", "result"]
)
NOTIFY_LAG = Gauge(
    "ibgu_notify_lag_seconds",
    "Age of the oldest undelivered message, or of the problem that keeps ibgu from "
    "reading messages.",
    ["receiver"],
)

# sources of canaries' health
HEALTH_QUESTIONS = Counter(
    "ibgu_health_source_questions",
    "Questions to a source whether a canary is well, by result: well, unwell, or failed without an "
    "answer that can be used.",
    ["source", "result"],
)

# the REST API
API_REQUESTS = Counter(
    "ibgu_api_requests", "Answered requests, by route and status.", ["method", "route", "code"]
)
API_SECONDS = Histogram(
    "ibgu_api_request_seconds",
    "Time until the response headers are sent.",
    ["method", "route"],
    buckets=_LATENCIES,
)

API_OPEN = Gauge(
    "ibgu_api_open",
    "Streams, request bodies, lists of the fleet and connections that are open now.",
    ["what"],
)
API_REFUSED = Counter(
    "ibgu_api_refused",
    "Requests, streams and connections that were refused or closed because of a limit, by reason.",
    ["why"],
)

# beside TALM

PRESENT = (
    ROLLOUTS,
    MEMBERS,
    SLOTS,
    ROLLOUT_CLUSTERS,
    ROLLOUT_WARNED,
    ROLLOUT_ROLLBACK,
    ROLLOUT_ROLLBACK_UNTIL,
    ROLLOUT_PAUSED,
    ROLLOUT_PAUSED_SINCE,
    ROLLOUT_MEMBERS,
    ROLLOUT_STALLED,
    ROLLOUT_WAITING_FOR_PERSON,
    ROLLOUT_SOAKING,
    ROLLOUT_SLOTS,
    ROLLOUT_HELD,
    ROLLOUT_RATE_LIMITED,
    POLICY_HELD,
    ROLLOUT_BROKEN_GLASS,
    ROLLOUT_FOLLOW_UPS,
    ROLLOUT_PREFLIGHT,
)
"""What only the leader knows, and what must not stay when it leads no more."""


class Metric(NamedTuple):
    kind: str
    """counter, gauge or histogram."""
    labels: tuple[str, ...]


def metrics() -> dict[str, Metric]:
    """All of ibgu's own, by the name under which Prometheus knows them."""
    found = {}
    for each in globals().values():
        if isinstance(each, MetricWrapperBase):
            [described] = each.describe()
            suffix = "_total" if described.type == "counter" else ""
            found[described.name + suffix] = Metric(described.type, each._labelnames)
    return found


class Tally:
    """Brings HUB_REQUESTS and HUB_SENT up to what a connection has counted by itself."""

    def __init__(self, client: "Hub") -> None:
        self._counted = ((HUB_REQUESTS, client.requests), (HUB_SENT, client.sent))
        self._exported: dict[tuple[Counter, str, str], int] = {}

    def count(self) -> None:
        for counter, counted in self._counted:
            for (verb, what), total in list(counted.items()):
                key = counter, verb, what
                counter.labels(verb, what).inc(total - self._exported.get(key, 0))
                self._exported[key] = total


def count_write(result: "WriteResult") -> None:
    kind = result.write.key[0]
    if result.superseded:
        outcome = "superseded"
    elif result.error is None:
        outcome = "ok"
    else:
        outcome = "conflict" if result.error.conflict else "failed"
    WRITES.labels(kind, outcome).inc()


def _harmless(_: object, __: str, entry: EventDict) -> EventDict:
    """Returns the entry with words of others that do nothing to a terminal; JSON escapes them."""
    cleaned = {key: one_line(each) for key, each in entry.items() if isinstance(each, str)}
    if exception := entry.get("exception"):
        cleaned["exception"] = harmless(exception)
    return {**entry, **cleaned}


def configure_logging(level: str = "INFO", form: str = "auto") -> None:
    """`form`: json, text, or auto: JSON lines unless a person watches on a terminal."""
    plain = form == "text" or (form == "auto" and sys.stderr.isatty())
    colours = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    rendering: list[Processor] = (
        [_harmless, structlog.dev.ConsoleRenderer(colors=colours)]
        if plain
        else [structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            *rendering,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        # Asked for with each line: code that replaces sys.stderr gets the lines from then on.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
