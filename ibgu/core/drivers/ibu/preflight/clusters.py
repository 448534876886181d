"""P9, P10, P33, P34, P36, P37: the state that each cluster is in."""

from collections.abc import Iterator

from ibgu.core.drivers.ibu.observe import judge_state
from ibgu.core.drivers.ibu.preflight.facts import (
    TOPOLOGY_CLAIM,
    ClusterFacts,
    PreflightFacts,
    grouped,
)
from ibgu.core.drivers.ibu.preflight.inspecting import (
    Remark,
    by_cluster,
    error,
    unknown,
    unread,
    warning,
)
from ibgu.core.drivers.ibu.preflight.inspection import InspectedFacts, ReadResult
from ibgu.core.drivers.ibu.preflight.inspection.objects import IBU, INFRASTRUCTURE, TOPOLOGY
from ibgu.core.drivers.ibu.preflight.model import FactSource, PreflightFinding, PreflightRule
from ibgu.core.engine.driver import JudgementKind
from ibgu.core.model.document import ObjectField, shown
from ibgu.core.text.spans import utc

_SINGLE = "SingleReplica"
_AVAILABLE = "status.conditions[ManagedClusterConditionAvailable]"
_CLOCK = "status.conditions[ManagedClusterConditionClockSynced]"

P9 = PreflightRule(
    "P9",
    "The ImageBasedUpgrade is in a stage from which the plan can continue",
    "15.1.1",
    "Finish or abort the current stage: ibgu probes each cluster before it starts.",
    FactSource.CLUSTER,
    str(IBU),
)
P10 = PreflightRule(
    "P10",
    "Clusters are single-node OpenShift",
    "15",
    "Leave the cluster out of the selectors: it has no image-based upgrade.",
)
P33 = PreflightRule(
    "P33",
    "Clusters are accepted by the hub, reachable, and have the right time",
    "Open Cluster Management",
    "Bring the cluster back, or accept it; unreachable clusters wait.",
)
P34 = PreflightRule(
    "P34",
    "No other rollout works on the clusters",
    "Open Cluster Management",
    "Wait until it is done with them, or cancel it: meanwhile they wait.",
)
P36 = PreflightRule(
    "P36",
    "A Rollback comes before the cluster's rollback deadline",
    "15.3.3",
    "Roll back earlier; a cluster past its deadline can only continue, or be reinstalled.",
)
P37 = PreflightRule(
    "P37",
    "A cluster is not imported again while it upgrades",
    "15.1.1.1",
    "Nothing: ibgu turns automatic import off before the Upgrade and on again after it.",
    FactSource.IBGU,
    "the annotation that ibgu sets on the ManagedCluster",
)


def single_node(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    """Takes the cluster's own object where no claim tells."""
    field = f"status.clusterClaims[{TOPOLOGY_CLAIM}]"
    topologies = [
        (each.name, text) for each in facts.clusters if (text := _topology(each)) != _SINGLE
    ]
    other = [(name, f"are {shown(text)}, not {_SINGLE}") for name, text in topologies if text]
    silent = [(name, "report no topology") for name, text in topologies if not text]
    yield from grouped(other, field, P10.error)
    yield from grouped(silent, field, P10.unknown)


def _topology(each: ClusterFacts) -> str:
    if each.topology or each.inspected is None:
        return each.topology
    return each.inspected.of(INFRASTRUCTURE).string(TOPOLOGY)


def can_continue(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    def look(each: ClusterFacts, found: InspectedFacts) -> Iterator[Remark]:
        reading = found.of(IBU)
        if each.name in facts.in_flight or facts.first is None:
            return
        if each.acted_since:
            words = "have been in a rollout since they were inspected"
            yield unknown(IBU, f"{words}: inspect them again with `ibgu preflight --inspect`")
        elif reading.result in (ReadResult.ABSENT, ReadResult.NO_KIND):
            yield error(IBU, "have no ImageBasedUpgrade, which the Lifecycle Agent brings")
        elif not reading.found:
            yield unread(IBU, reading)
        else:
            judgement = judge_state(found.ibu, facts.first, facts.spec)
            if judgement.kind is JudgementKind.FAILED:
                yield error(IBU, f"can't begin {facts.first}: {shown(judgement.message)}")
            elif judgement.kind is JudgementKind.BUSY:
                yield warning(IBU, f"wait with {facts.first}: {shown(judgement.message)}")

    yield from by_cluster(P9, facts, look)


def available(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    gone = [(each.name, words) for each in facts.clusters if (words := _never_starts(each))]
    yield from grouped(gone, "spec.hubAcceptsClient", P33.error)
    left = {name for name, _ in gone} | facts.in_flight
    words = "are not reachable now: they wait, and start when they are back"
    dark = [(e.name, words) for e in facts.clusters if not e.reachable and e.name not in left]
    yield from grouped(dark, _AVAILABLE, P33.warning)
    words = "have a different time than the hub: certificates and deadlines may be rejected"
    late = [(each.name, words) for each in facts.clusters if each.clock == "False"]
    yield from grouped(late, _CLOCK, P33.warning)


def _never_starts(each: ClusterFacts) -> str:
    if each.deleting:
        return "are being deleted: no rollout selects them"
    return "" if each.accepted else "are not accepted by the hub: no rollout selects them"


def free(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    held = (
        (each.name, f"wait for {shown(facts.holders[each.name])}, which works on them")
        for each in facts.clusters
        if each.name in facts.holders
    )
    yield from grouped(held, "", P34.warning)


def in_time(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    words = (
        "can't be rolled back any more: their rollback deadline has passed, so they "
        "refuse a Rollback"
    )
    over = [(each.name, words) for each in facts.clusters if each.name in facts.rollback_over]
    yield from grouped(over, "", P36.error)
    first = min(facts.rollback_until.values(), default=None)
    if first is not None and facts.ends is not None and first < facts.ends:
        words = (
            f"the first cluster can be rolled back until {utc(first)} only: a cluster that "
            "has not begun by its own deadline is refused"
        )
        yield P36.warning(ObjectField(facts.itself.object), words)
