"""Declares the tables of the journal. The migrations create them; a test keeps both equal."""

from ibgu.db.schema.fleet import (
    claims,
    cluster_inspections,
    cluster_labels,
    members,
    pending_patches,
    runs,
)
from ibgu.db.schema.history import (
    CHANNEL,
    events,
    forgotten_rollouts,
    forgotten_runs,
    leaders,
    notify_cursors,
)
from ibgu.db.schema.plan import hubs, rollout_policies, rollouts, steps
from ibgu.db.schema.types import metadata

VERSION = 1
"""The schema that this code needs: the number of the newest migration."""

__all__ = [
    "CHANNEL",
    "VERSION",
    "claims",
    "cluster_inspections",
    "cluster_labels",
    "events",
    "forgotten_rollouts",
    "forgotten_runs",
    "hubs",
    "leaders",
    "members",
    "metadata",
    "notify_cursors",
    "pending_patches",
    "rollout_policies",
    "rollouts",
    "runs",
    "steps",
]
