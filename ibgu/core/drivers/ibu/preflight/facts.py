"""The hub's words on a rollout and its clusters: the input of preflight's rules."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.preflight.inspection import InspectedFacts
from ibgu.core.drivers.ibu.preflight.model import PreflightFinding
from ibgu.core.drivers.ibu.preflight.policies import ClusterPolicies
from ibgu.core.model import ClusterView, names
from ibgu.core.model.document import Document, ObjectField
from ibgu.core.model.kinds import ManagedCluster, RolloutSpec, SeedImageRef
from ibgu.core.model.seed_image import SeedImageSpec
from ibgu.core.model.shown import view_cluster

VERSION_CLAIM, PRODUCT_CLAIM, TOPOLOGY_CLAIM = names.CLAIMS
_VERSION_LABEL = "openshiftVersion"
"""Advanced Cluster Management sets it from the claim, and so later."""


class ClusterFacts(Struct, frozen=True, gc=False, kw_only=True):
    """ClusterFacts is what a ManagedCluster reports of its cluster. Empty texts: it does not."""

    name: str
    release: str = ""
    product: str = ""
    topology: str = ""
    accepted: bool = True
    deleting: bool = False
    reachable: bool = True
    clock: str = ""
    """The status of the condition that compares the cluster's clock with the hub's."""
    labels: Mapping[str, str] = {}
    """Those of the ManagedCluster."""
    inspected: InspectedFacts | None = None
    """What ibgu has read on the cluster itself; None: nothing, or too long ago."""
    acted_since: bool = False
    """Whether a rollout has acted on the cluster since then."""
    inspecting: bool = False
    """Whether it is being read again now."""
    uninspected: str = ""
    """Why nothing was read there; empty: for the reason that holds for all clusters."""


def cluster_facts(found: ManagedCluster) -> ClusterFacts:
    return view_facts(view_cluster(found))


def view_facts(found: ClusterView) -> ClusterFacts:
    claims = found.claims
    return ClusterFacts(
        name=found.name,
        release=claims.get(VERSION_CLAIM) or found.labels.get(_VERSION_LABEL, ""),
        product=claims.get(PRODUCT_CLAIM, ""),
        topology=claims.get(TOPOLOGY_CLAIM, ""),
        accepted=found.accepted,
        deleting=found.deleting,
        reachable=found.reachable,
        clock=found.clock,
        labels=found.labels,
    )


class Lookup(StrEnum):
    """Answers to the question for an object."""

    FOUND = "found"
    MISSING = "missing"
    FORBIDDEN = "forbidden"
    IMPOSSIBLE = "impossible"
    """No object can have such a name."""
    LEFT_OUT = "left out"
    """More are named than are looked for."""


class HubRelease(Struct, frozen=True):
    """HubRelease is the release of a part of the hub, as the hub tells it."""

    lookup: Lookup
    release: str = ""


class ConfigMapFacts(Struct, frozen=True):
    """ConfigMapFacts is a ConfigMap that the rollout names."""

    name: str
    """Namespace and name."""
    lookup: Lookup
    oadp: bool = True
    """Whether it is named as OADP content; else as extra manifests."""
    problem: str = ""
    """Why it can't be there, or was not read."""
    documents: tuple[Document, ...] = ()


class PullSecretFacts(Struct, frozen=True):
    """PullSecretFacts is the seed's pull secret, without what is secret in it."""

    name: str
    lookup: Lookup
    problem: str = ""
    """Why it is no pull secret that can be carried."""
    registries: tuple[str, ...] = ()
    """The registries that it has credentials for."""


class SeedImageFacts(Struct, frozen=True):
    """SeedImageFacts is the entry of the catalogue that the rollout names."""

    name: str
    lookup: Lookup
    spec: SeedImageSpec = SeedImageSpec()


class StepFacts(Struct, frozen=True):
    """StepFacts is a step that has not begun."""

    number: int
    """The place in the plan, counted from 1."""
    clusters: int
    waves: int
    allowed: timedelta
    """A cluster's share of the step's timeout."""
    rollback: timedelta
    """How long a cluster that fails takes to be back by itself; zero: it does not go back."""


class PayloadFacts(Struct, frozen=True):
    """PayloadFacts is what Prep brings to the clusters, as the hub has it."""

    config_maps: tuple[ConfigMapFacts, ...] = ()
    pull_secret: PullSecretFacts | None = None
    seed_image: SeedImageFacts | None = None
    """None: the rollout names no entry of the catalogue."""
    problem: str = ""
    """Why all of it together can't be carried."""
    hub: HubRelease = HubRelease(Lookup.MISSING)
    """The hub's own OpenShift; MISSING: the hub is another Kubernetes."""
    acm: HubRelease = HubRelease(Lookup.MISSING)
    """The hub's Advanced Cluster Management; MISSING: the hub is without it."""
    agent_pull_secret: bool | None = None
    """Whether the hub gives its agents a pull secret; None: unknown."""


class PreflightFacts(Struct, frozen=True, kw_only=True):
    """PreflightFacts is all that preflight knows. Clusters are in natural order."""

    clusters: tuple[ClusterFacts, ...]
    itself: ObjectField = ObjectField("")
    """The object that asks for the upgrade; empty where only clusters are asked for."""
    planned: bool = True
    """Whether there is a plan with steps that have not begun."""
    problems: tuple[str, ...] = ()
    """Why the plan can't be carried out at all."""
    nobody: str = ""
    """Why no cluster can start it now; empty: some can."""
    steps: tuple[StepFacts, ...] = ()
    target: str = ""
    """The release after the upgrade; empty: nothing is prepared, or it is not known."""
    seed: SeedImageRef | None = None
    """None: nothing is prepared."""
    payload: PayloadFacts = PayloadFacts()
    annotations: Mapping[str, str] = {}
    policies: Mapping[str, ClusterPolicies] = {}
    """Those of the clusters, if the annotations count their manifests."""
    in_flight: frozenset[str] = frozenset()
    """Clusters that may reboot right now, as expected."""
    holders: Mapping[str, str] = {}
    """Clusters that another rollout works on, with its name."""
    rollback_until: Mapping[str, datetime] = {}
    """When the way back ends; only if the plan goes that way."""
    rollback_over: frozenset[str] = frozenset()
    """Clusters whose way back has ended."""
    ends: datetime | None = None
    """When the plan ends at the latest."""
    first: Action | None = None
    """The first action of the first step that has not begun."""
    spec: RolloutSpec = RolloutSpec()
    uninspected: str = "only the cluster knows"
    """Why nothing was read on clusters."""

    @property
    def oadp(self) -> list[ConfigMapFacts]:
        return [each for each in self.payload.config_maps if each.oadp]

    @property
    def manifests(self) -> list[ConfigMapFacts]:
        return [each for each in self.payload.config_maps if not each.oadp]

    def at(self, field: str) -> ObjectField:
        """Returns a field of the object that asks for the upgrade."""
        return ObjectField(self.itself.object, field)


Find = Callable[[ObjectField, str, tuple[str, ...]], PreflightFinding]


def grouped(found: Iterable[tuple[str, str]], field: str, find: Find) -> Iterator[PreflightFinding]:
    """Yields one finding for each message; `found`: names of clusters, each with its message."""
    groups: dict[str, list[str]] = {}
    for name, message in found:
        groups.setdefault(message, []).append(name)
    for message, at_fault in groups.items():
        yield find(ObjectField("ManagedCluster", field), message, tuple(at_fault))
