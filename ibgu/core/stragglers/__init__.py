"""Stragglers: what is left of a rollout, why, and which plan may take it further now."""

from ibgu.core.stragglers.groups import Group, grouped
from ibgu.core.stragglers.left import Course, Left, Standing, Straggler, judge
from ibgu.core.stragglers.retry import Retry, append_patch, manifest

__all__ = [
    "Course",
    "Group",
    "Left",
    "Retry",
    "Standing",
    "Straggler",
    "append_patch",
    "grouped",
    "judge",
    "manifest",
]
