"""P32: whether one seed can fit all clusters."""

from collections import Counter
from collections.abc import Callable, Iterator

from msgspec import Struct

from ibgu.core.drivers.ibu.preflight.facts import ClusterFacts, PreflightFacts
from ibgu.core.drivers.ibu.preflight.inspecting import Remark, by_cluster, unread, warning
from ibgu.core.drivers.ibu.preflight.inspection import InspectedFacts
from ibgu.core.drivers.ibu.preflight.inspection.objects import (
    ARCHITECTURE,
    CPUS,
    FIRST_NETWORK,
    HTTP_PROXY,
    HTTPS_PROXY,
    LAST_NETWORK,
    NETWORK,
    PROXY,
    InspectedObject,
    node,
)
from ibgu.core.drivers.ibu.preflight.model import FactSource, PreflightFinding, PreflightRule
from ibgu.core.model.document import shown
from ibgu.core.model.seed_image import SEED_IMAGE

_NODE = node("of the cluster")

P32 = PreflightRule(
    "P32",
    "Clusters have the hardware and the network of the seed's cluster",
    "15.1.2.3",
    "Make a seed for each kind of hardware and network, and use labels to select "
    "the clusters for each.",
    FactSource.CLUSTER,
    f"{_NODE}, {NETWORK} and {PROXY}, which are alike on clusters of one seed; with a SeedImage "
    f"that {SEED_IMAGE} names: labels of the ManagedCluster",
)


class _Trait(Struct, frozen=True):
    """_Trait is a property that clusters share with their seed. `read`: returns it, empty if it is
    not known."""

    object_: InspectedObject
    name: str
    read: Callable[[InspectedFacts], str]


def _family(cidr: str) -> str:
    return ("IPv6" if ":" in cidr else "IPv4") if cidr else ""


def _families(found: InspectedFacts) -> str:
    reading = found.of(NETWORK)
    both = {_family(reading.string(name)) for name in (FIRST_NETWORK, LAST_NETWORK)}
    return " and ".join(sorted(both - {""}))


def _proxy(found: InspectedFacts) -> str:
    reading = found.of(PROXY)
    if not reading.found:
        return ""
    return "a proxy" if reading.string(HTTP_PROXY) or reading.string(HTTPS_PROXY) else "no proxy"


def _cpus(found: InspectedFacts) -> str:
    count = found.node.string(CPUS)
    return f"{shown(count)} CPUs" if count else ""


_TRAITS = (
    _Trait(_NODE, "architecture", lambda found: shown(found.node.string(ARCHITECTURE))),
    _Trait(_NODE, "CPUs", _cpus),
    _Trait(NETWORK, "network", _families),
    _Trait(PROXY, "proxy", _proxy),
)


def alike(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    read = [each.inspected for each in facts.clusters if each.inspected is not None]
    usual = {trait.name: _most(trait.read(each) for each in read) for trait in _TRAITS}

    def look(_: ClusterFacts, found: InspectedFacts) -> Iterator[Remark]:
        for object_, reading in (
            (_NODE, found.node),
            (NETWORK, found.of(NETWORK)),
            (PROXY, found.of(PROXY)),
        ):
            if not reading.found:
                yield unread(object_, reading)
        for trait in _TRAITS:
            own, others = trait.read(found), usual[trait.name]
            if own and own != others:
                yield warning(trait.object_, f"have {own}, while most have {others}")
        if " and " in _families(found):
            yield warning(NETWORK, "have a dual-stack network, which is not supported")

    yield from by_cluster(P32, facts, look)


def _most(values: Iterator[str]) -> str:
    """Returns the most frequent value; of several the first."""
    return next((value for value, _ in Counter(filter(None, values)).most_common(1)), "")
