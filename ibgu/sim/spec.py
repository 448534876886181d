"""Specifies a simulated fleet."""

from collections.abc import Iterable
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from ibgu.sim.agent import AgentTiming
from ibgu.sim.cluster_version import Updates
from ibgu.sim.durations import PhaseDurations, parse_seconds
from ibgu.sim.faults import Fault, FaultPoint, FaultRule, assign, parse_defect, parse_fault
from ibgu.sim.lca.checks import parse_version
from ibgu.sim.spoke import SOUND, Equipment

_WORKERS = 2
"""Nodes beside the control plane, of a cluster with several nodes."""


class FleetSpec(Struct, frozen=True):
    """FleetSpec describes a fleet.

    `names` come first; the rest up to `count` are made from `pattern`, numbered from 1. All times
    of the clusters are multiplied by `scale`. `labels` go on every ManagedCluster, besides `name:
    <cluster>`. `delivered` are ConfigMaps and Secrets that every cluster has from the beginning, as
    `ConfigMap/namespace/name`.
    """

    count: int = 50
    pattern: str = "site-%04d"
    names: tuple[str, ...] = ()
    seed: int = 1
    scale: float = 1.0
    durations: PhaseDurations = PhaseDurations()
    faults: tuple[FaultRule, ...] = ()
    version: str = "4.14.13"
    labels: dict[str, str] = {}
    agent: AgentTiming = AgentTiming()
    delivered: tuple[str, ...] = ()
    defects: tuple[FaultRule, ...] = ()
    equipment: Equipment = SOUND
    """What every cluster is made of, but for its defects."""
    updates: Updates | None = None
    """How clusters take updates to another release; None: they have no cluster-version operator."""

    @classmethod
    def parse(
        cls,
        *,
        count: int = 50,
        pattern: str = "site-%04d",
        names: Iterable[str] = (),
        seed: int = 1,
        scale: float = 1.0,
        durations: str = "field",
        faults: Iterable[str] = (),
        version: str = "4.14.13",
        labels: Iterable[str] = (),
        feedback: str = "watch",
        delivered: Iterable[str] = (),
        defects: Iterable[str] = (),
        updates: bool = False,
        multi_node: float = 0.0,
    ) -> "FleetSpec":
        """Returns the spec of a command line. Raises ValueError that says what is wrong.

        `updates`: clusters take updates to another release. `multi_node`: the share of those that
        have several nodes.
        """
        parse_version(version)
        rules = tuple(parse_fault(text) for text in faults)
        if count < 0 or scale <= 0:
            raise ValueError("a fleet needs a count of at least 0 and a scale above 0")
        spec = cls(
            count=count,
            pattern=pattern,
            names=tuple(names),
            seed=seed,
            scale=scale,
            durations=PhaseDurations.parse(durations),
            faults=rules,
            version=version,
            labels=dict(_label(text) for text in labels),
            agent=parse_feedback(feedback),
            delivered=tuple(_delivered(text) for text in delivered),
            defects=tuple(parse_defect(text) for text in defects),
            updates=_updates(updates, multi_node, rules),
        )
        _check_names(spec)
        return spec

    def clusters(self) -> list[str]:
        made = (self.pattern % number for number in range(1, self.count + 1))
        missing = max(self.count - len(self.names), 0)
        return [*self.names, *(name for name in made if name not in self.names)][
            : len(self.names) + missing
        ]

    def faults_by_cluster(self) -> dict[str, tuple[Fault, ...]]:
        """Returns the faults of each cluster, its defects included."""
        faults = assign(self.faults, self.clusters(), self.seed)
        defects = self.defects_by_cluster()
        return {name: (*given, *defects[name]) for name, given in faults.items()}

    def defects_by_cluster(self) -> dict[str, tuple[Fault, ...]]:
        """Returns the defects of each cluster, chosen apart from its faults."""
        return assign(self.defects, self.clusters(), f"{self.seed}/defects")

    def updates_of(self, name: str, faults: Iterable[Fault]) -> Updates | None:
        """Returns how the cluster takes updates. A cluster whose workers can't be drained has some,
        whatever the share of clusters with several nodes."""
        if self.updates is None or not self.updates.workers:
            return self.updates
        drawn = self.random(f"{name}/nodes").random() < self.updates.multi_node
        if drawn or any(fault.name == "drain-blocked" for fault in faults):
            return self.updates
        return replace(self.updates, workers=0)

    def timing(self) -> AgentTiming:
        return self.agent.scaled(self.scale)

    def random(self, purpose: str) -> Random:
        return Random(f"{self.seed}/{purpose}")


def _check_names(spec: FleetSpec) -> None:
    try:
        first, second = spec.pattern % 1, spec.pattern % 2
    except (TypeError, ValueError):
        first = second = ""
    if spec.count > len(spec.names) and first == second:
        raise ValueError(f"the pattern {spec.pattern!r} needs one number, as in site-%04d")
    known = set(spec.clusters())
    for rule in (*spec.faults, *spec.defects):
        if unknown := [name for name in rule.clusters if name not in known]:
            raise ValueError(
                f"{rule.fault.name}: no cluster {unknown[0]!r} in the fleet; "
                f"give it a name of its own or choose one of {', '.join(sorted(known)[:5])}, ..."
            )


def _updates(asked: bool, multi_node: float, rules: Iterable[FaultRule]) -> Updates | None:
    """Returns how clusters take updates: none unless asked for, also by a fault of updates."""
    if not 0.0 <= multi_node <= 1.0:
        raise ValueError(f"multi-node is a share between 0 and 1, not {multi_node}")
    struck = any(rule.fault.where is FaultPoint.UPDATE for rule in rules)
    if not (asked or multi_node or struck):
        return None
    return Updates(workers=_WORKERS, multi_node=multi_node)


def parse_feedback(text: str) -> AgentTiming:
    """Parses `watch`, or `poll:10s` for an agent that only polls. Raises ValueError."""
    mode, _, length = text.partition(":")
    if mode == "watch" and not length:
        return AgentTiming()
    if mode != "poll":
        raise ValueError(f"feedback is watch, poll or poll:10s, not {text!r}")
    seconds = parse_seconds(length) if length else 60.0
    return AgentTiming(watches=False, poll=(seconds, seconds * 1.9))


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ValueError(f"a label is key=value, not {text!r}")
    return key, value


def _delivered(text: str) -> str:
    kind, *rest = text.split("/")
    if kind not in ("ConfigMap", "Secret") or len(rest) != 2 or not all(rest):
        raise ValueError(f"delivered is ConfigMap/namespace/name or Secret/..., not {text!r}")
    return text
