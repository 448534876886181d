"""Proposes RolloutPolicies for a fleet, as files for a person to edit."""

from collections import Counter
from collections.abc import Collection, Iterator
from json import dumps

from msgspec import Struct

from ibgu.core.engine.timing.windows import zone_of
from ibgu.core.model import ClusterView, names

_TOPOLOGIES = ("site", "region", "ring", "zone")
"""The last part of labels that tell where a cluster is, the smallest place first."""
_ALMOST_ALL = 0.9
"""The share of the clusters that must have a label which a policy counts by."""
_CLOCK = "ManagedClusterConditionClockSynced"
_FEW = 5
"""The clusters in flight, and the canaries, of a small fleet."""


class FleetFacts(Struct, frozen=True):
    """FleetFacts are what a proposal has to know of the clusters."""

    clusters: int | None = None
    """None: no hub was asked, and nobody has said."""
    without_zone: int | None = None
    """The clusters without a time zone of their own; None: no hub was asked."""
    topology: str = ""
    """A label of almost all clusters that tells where they are; empty: there is none."""
    places: int = 0
    """The values that this label has."""
    clocks: bool = False
    """Whether the hub compares the clocks of almost all clusters with its own."""


class Wishes(Struct, frozen=True):
    """Wishes are what the person has chosen."""

    prefix: str = ""
    """The names of all policies begin with it."""
    cron: str = "0 1 * * MON-FRI"
    minutes: int = 240
    time_zone: str = ""
    """The time zone of the window; empty: each cluster's own."""


class ProposedPolicy(Struct, frozen=True):
    """ProposedPolicy is one policy as YAML with comments."""

    name: str
    text: str


def facts_of(clusters: Collection[ClusterView]) -> FleetFacts:
    """Returns the facts of the clusters that the hub shows."""
    most = len(clusters) * _ALMOST_ALL
    label, places = _topology(clusters, most)
    return FleetFacts(
        clusters=len(clusters),
        without_zone=sum(not _has_zone(each) for each in clusters),
        topology=label,
        places=places,
        clocks=bool(clusters) and sum(each.clock == "True" for each in clusters) >= most,
    )


def _has_zone(cluster: ClusterView) -> bool:
    label = cluster.labels.get(names.TIME_ZONE, "").replace(".", "/")
    found = cluster.annotations.get(names.TIME_ZONE) or label
    return bool(found) and zone_of(found) is not None


def _topology(clusters: Collection[ClusterView], most: float) -> tuple[str, int]:
    """Returns the label of the smallest place in which there are several clusters, and how many
    such places there are; empty: there is none."""
    values: dict[str, Counter[str]] = {}
    for each in clusters:
        for key, value in each.labels.items():
            if key.rpartition("/")[2] in _TOPOLOGIES:
                values.setdefault(key, Counter())[value] += 1
    fit = {
        key: len(found)
        for key, found in values.items()
        if found.total() >= most and 1 < len(found) < found.total()
    }
    order = {key: (_TOPOLOGIES.index(key.rpartition("/")[2]), key) for key in fit}
    first = min(fit, key=order.__getitem__, default="")
    return first, fit.get(first, 0)


def proposal(facts: FleetFacts, wishes: Wishes) -> list[ProposedPolicy]:
    """Returns the policies. They hold the rollouts of every namespace on every cluster."""
    made = {
        "hub-wide": _hub_wide(facts),
        "nights": _nights(facts, wishes),
        "careful": _careful(facts),
        "no-way-back": _no_way_back(),
    }
    return [_policy(f"{wishes.prefix}{name}", lines) for name, lines in made.items()]


def _policy(name: str, lines: Iterator[str]) -> ProposedPolicy:
    head = ("apiVersion: ibgu.dev/v1alpha1", "kind: RolloutPolicy")
    meta = ("metadata:", f"  name: {dumps(name)}", "spec:")
    return ProposedPolicy(name, "\n".join((*head, *meta, *lines)) + "\n")


def _few(clusters: int) -> int:
    """Returns how many clusters of a small fleet go together."""
    return min(_FEW, max(1, clusters // 10))


def _hub_wide(facts: FleetFacts) -> Iterator[str]:
    yield "  # All rollouts count together, whatever their maxConcurrency is. Whatever goes wrong,"
    yield "  # no more clusters are down at once."
    if facts.clusters is None:
        yield "  # A share of the clusters of the hub, and at least one:"
        yield '  inFlight: "1%"'
    else:
        yield from _at_once(facts.clusters, facts)
    if not facts.topology:
        yield "  # No label that almost all clusters have says where they are. If yours have one:"
        yield "  # perTopology:"
        yield "  #   - label: example.com/site"
        yield "  #     maximum: 1"


def _at_once(clusters: int, facts: FleetFacts) -> Iterator[str]:
    share, few = round(clusters / 100), _few(clusters)
    part = "1 %" if share >= few else f"A tenth, and at most {_FEW},"
    most = max(share, few)
    yield f"  # {part} of the {clusters} clusters of the hub:"
    yield f"  inFlight: {most}"
    if facts.topology:
        yield f"  # Clusters are at {facts.places} places by this label."
        yield "  perTopology:"
        yield f"    - label: {dumps(facts.topology)}"
        yield f"      maximum: {max(1, -(-most // facts.places))}"


def _nights(facts: FleetFacts, wishes: Wishes) -> Iterator[str]:
    yield "  # Only what reboots the clusters: images are pulled by day."
    yield "  actions: [Upgrade, Update]"
    if wishes.time_zone:
        yield "  # The window is in one time zone for all clusters."
    else:
        yield "  # The hours are those of each cluster's own time zone: the label or annotation"
        yield f"  # {names.TIME_ZONE} of its ManagedCluster, such as Europe.Berlin."
        yield from _zone_warning(facts)
    yield "  windows:"
    yield f"    - cron: {dumps(wishes.cron)}"
    yield f"      durationMinutes: {wishes.minutes}"
    if wishes.time_zone:
        yield f"      timeZone: {dumps(wishes.time_zone)}"
    yield "  # Nothing starts that would not end in its window, with the way back behind it."
    yield "  fit: true"


def _zone_warning(facts: FleetFacts) -> Iterator[str]:
    if facts.without_zone is None:
        yield "  # WARNING: a cluster without either never starts."
    elif facts.without_zone:
        among = f"{facts.without_zone} of {facts.clusters} clusters"
        yield f"  # WARNING: {among} have neither, and would never start. Label them first,"
        yield "  # or give the window a timeZone."


def _careful(facts: FleetFacts) -> Iterator[str]:
    few = _FEW if facts.clusters is None else _few(facts.clusters)
    yield "  actions: [Upgrade, Update]"
    yield "  # The first clusters of each step go first, and stay well for two hours."
    yield "  canaries:"
    yield f"    count: {few}"
    yield "    soakMinutes: 120"
    yield "    health:"
    if facts.clocks:
        yield "      # The hub compares the clusters' clocks with its own."
        yield "      conditions:"
        yield f"        - type: {_CLOCK}"
    yield "      clusterOperators: true"
    yield "      nodes: true"
    yield "      # Compliance with policies, if the chart has canaryPolicies.enabled=true:"
    yield "      # policies: true"
    yield "  # With more failures in a rollout nothing new starts until a person resumes it."
    yield "  failureBudget:"
    yield '    maximum: "2%"'
    yield "  # An image that has failed so often within a day starts in no rollout any more."
    yield "  breaker:"
    yield "    sameCause: 3"
    yield "    percent: 20"
    yield "    minimumUpgrades: 10"


def _no_way_back() -> Iterator[str]:
    yield "  # After FinalizeUpgrade there is no way back: someone besides the author approves it."
    yield "  # Approvals need the chart's admission policy (grantPolicy, Kubernetes 1.30 or later)."
    yield "  actions: [FinalizeUpgrade]"
    yield "  approval:"
    yield "    before: Action"
