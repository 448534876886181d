"""The faults of a policy's checks of canaries that the hub's schema lets pass."""

import re
from collections.abc import Iterator

from ibgu.core.model.rollout_policy import HealthChecks
from ibgu.core.plan.promql import query_faults

_MAX_CONDITIONS = 10
_STATUSES = ("True", "False", "Unknown")
_TYPE = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9][-A-Za-z0-9_.]{0,251}")
_MAX_TYPE = 316
_MAX_METRICS = 5
_MAX_QUERY = 2000
_SOURCE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def health_faults(health: HealthChecks) -> Iterator[str]:
    """Yields why the checks can't be carried out; each begins with the path of the field below
    them."""
    if health == HealthChecks():
        yield ": has no check"
    types = [each.type for each in health.conditions]
    if len(types) > _MAX_CONDITIONS:
        yield f".conditions: has more than {_MAX_CONDITIONS}"
    if len(set(types)) < len(types):
        yield ".conditions: has one type twice"
    for index, each in enumerate(health.conditions):
        if len(each.type) > _MAX_TYPE or _TYPE.fullmatch(each.type) is None:
            yield f".conditions[{index}].type: is not a type of a condition"
        if each.status not in _STATUSES:
            yield f".conditions[{index}].status: is none of {', '.join(_STATUSES)}"
    yield from _source_faults(health)


def _source_faults(health: HealthChecks) -> Iterator[str]:
    if len(health.metrics) > _MAX_METRICS:
        yield f".metrics: has more than {_MAX_METRICS}"
    for index, metric in enumerate(health.metrics):
        if _SOURCE.fullmatch(metric.source) is None:
            yield f".metrics[{index}].source: is not the name of a source"
        if not 1 <= len(metric.query) <= _MAX_QUERY:
            yield f".metrics[{index}].query: has not 1 to {_MAX_QUERY} characters"
        yield from (f".metrics[{index}].query: {fault}" for fault in query_faults(metric.query))
