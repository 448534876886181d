"""Metrics (Prometheus conventions, no per-cluster labels) and structured logs."""

import logging
import sys
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from ibgu.hub.writer import WriteResult

_LATENCIES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_DURATIONS = (10, 30, 60, 120, 300, 600, 1200, 1800, 2700, 3600, 7200, 14400, 28800)

TURN = Histogram("ibgu_turn_seconds", "Duration of one turn of the loop.", buckets=_LATENCIES)
COMMIT = Histogram("ibgu_journal_commit_seconds", "Journal commits.", buckets=_LATENCIES)
HUB_REQUESTS = Gauge(
    "ibgu_hub_requests_total", "Requests to the hub since the start.", ["verb", "code"]
)
WRITES = Counter("ibgu_hub_writes", "Writes by object kind and result.", ["kind", "result"])
ACTIONS = Counter("ibgu_actions", "Ended actions.", ["action", "result", "cause"])
ACTION_SECONDS = Histogram(
    "ibgu_action_duration_seconds",
    "Time of ended actions from arming to end.",
    ["action", "result"],
    buckets=_DURATIONS,
)
MEMBERS = Gauge("ibgu_members", "Members of running steps by state.", ["state"])
ROLLOUTS = Gauge("ibgu_rollouts", "Rollouts by phase.", ["phase"])
SLOTS = Gauge("ibgu_slots", "Slots of running steps.", ["state"])
LEADER = Gauge("ibgu_leader", "1 while this process leads.")
JOURNAL_AWAY = Gauge("ibgu_journal_away", "1 while the journal can't be written.")
WATCH_AGE = Gauge("ibgu_watch_age_seconds", "Time since a watch was last heard.", ["kind"])
QUEUE = Gauge("ibgu_write_queue_depth", "Objects with a write pending.")
BAD_OBJECTS = Counter("ibgu_bad_objects", "Objects of the hub that could not be read.", ["kind"])


def count_write(result: "WriteResult") -> None:
    kind = result.write.key[0]
    if result.superseded:
        outcome = "superseded"
    elif result.error is None:
        outcome = "ok"
    else:
        outcome = "conflict" if result.error.conflict else "failed"
    WRITES.labels(kind, outcome).inc()


def configure_logging(level: str = "INFO", *, json: bool | None = None) -> None:
    """JSON lines unless a person watches (`json` None: decided by the terminal)."""
    plain = sys.stderr.isatty() if json is None else not json
    renderer = structlog.dev.ConsoleRenderer() if plain else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        # Asked for with each line: whoever replaces sys.stderr gets the lines from then on.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
