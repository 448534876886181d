"""Declares the tables of the journal. The migrations create them; a test keeps both equal."""

from ibgu.db.schema.fleet import claims, members, pending_patches, runs
from ibgu.db.schema.forgotten import forgotten_rollouts, forgotten_runs
from ibgu.db.schema.history import CHANNEL, events, leaders
from ibgu.db.schema.labels import cluster_labels
from ibgu.db.schema.notify import notify_cursors
from ibgu.db.schema.plan import hubs, rollouts, steps
from ibgu.db.schema.shadow import shadow_leaders, shadow_rollouts, shadow_runs, shadow_steps
from ibgu.db.schema.types import metadata

VERSION = 6
"""The schema that this code needs: the number of the newest migration."""

__all__ = [
    "CHANNEL",
    "VERSION",
    "claims",
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
    "rollouts",
    "runs",
    "shadow_leaders",
    "shadow_rollouts",
    "shadow_runs",
    "shadow_steps",
    "steps",
]
