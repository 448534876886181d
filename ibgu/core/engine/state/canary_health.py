"""The health of a policy's canaries while they soak: what each check says of one of them
(R50.16)."""

from collections.abc import Iterator
from datetime import datetime

from ibgu.core.engine.state.health_observations import (
    HealthFinding,
    HealthLookup,
    MetricQuestion,
    ObservedCheck,
)
from ibgu.core.model import ClusterView
from ibgu.core.model.rollout_policy import HealthChecks, WantedCondition
from ibgu.core.text.harmless import one_line

_MAX_CHARACTERS = 100
"""Characters that are shown of a value that a cluster reports."""
_REPORTED = ("True", "False")
"""The statuses by which somebody says something; of an unknown one nothing follows."""


def observed_checks(health: HealthChecks) -> frozenset[ObservedCheck]:
    """Returns the checks that ibgu has to observe."""
    wanted = {
        ObservedCheck.CLUSTER_OPERATORS: health.cluster_operators,
        ObservedCheck.NODES: health.nodes,
        ObservedCheck.POLICIES: health.policies,
    }
    return frozenset(check for check, asked in wanted.items() if asked)


def metric_questions(health: HealthChecks) -> tuple[MetricQuestion, ...]:
    """Returns what has to be asked of the sources that the policy names."""
    return tuple(MetricQuestion(each.source, each.query) for each in health.metrics)


def health_findings(
    health: HealthChecks,
    cluster: ClusterView,
    observed: HealthLookup,
    now: datetime,
) -> Iterator[HealthFinding]:
    """Yields what each check says of the cluster."""
    for wanted in health.conditions:
        yield _condition(wanted, cluster)
    for check in sorted(observed_checks(health)):
        yield observed(check, cluster, now)
    for question in metric_questions(health):
        yield observed(question, cluster, now)


def _condition(wanted: WantedCondition, cluster: ClusterView) -> HealthFinding:
    found = next((each for each in cluster.conditions if each.type == wanted.type), None)
    if found is None:
        return HealthFinding(f"the ManagedCluster has no condition {wanted.type}")
    if found.status != wanted.status:
        shown = one_line(found.status)[:_MAX_CHARACTERS]
        words = f'condition {wanted.type} of the ManagedCluster is "{shown}", not "{wanted.status}"'
        return HealthFinding(words, reported=found.status in _REPORTED)
    return HealthFinding(since=found.since)
