"""Implements the CEL rules in ibgu's own CRD, by their subject and message.

A rule that is not known here is an error: a change of the CRD changes this as well.
"""

from typing import Any

from ibgu.core.drivers import allowed
from ibgu.sim.hub.schema import Rule


def _same(new: Any, old: Any) -> bool:
    return bool(new == old)


def _appended(new: Any, old: Any) -> bool:
    return len(new) >= len(old) and bool(new[: len(old)] == old)


def _possible(new: Any, old: Any) -> bool:
    return allowed([step["actions"] for step in new])


def _selectors_stay(new: Any, old: Any) -> bool:
    return "clusterLabelSelectors" not in old or "clusterLabelSelectors" in new


def _short_name(new: Any, old: Any) -> bool:
    return len(new["metadata"]["name"]) < 230


_RULES: dict[tuple[str, str], Rule] = {
    ("", "Name length must be less than 230 characters"): _short_name,
    ("spec", "clusterLabelSelectors is immutable"): _selectors_stay,
    ("spec.clusterLabelSelectors", "clusterLabelSelectors is immutable"): _same,
    ("spec.ibuSpec", "ibuSpec is immutable"): _same,
    ("spec.plan", "plan is append only"): _appended,
    ("spec.plan", "invalid combinations of actions in the plan"): _possible,
}


def meaning(at: str, message: str) -> Rule:
    return _RULES[at, message]
