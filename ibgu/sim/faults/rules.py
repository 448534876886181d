"""Parses which clusters get which fault or defect: `prep.precache=0.05`,
`upgrade.init-monitor@spoke6`, `offline:20m@a,b`, `disk-full=0.02`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from hashlib import sha256

from msgspec import Struct, structs

from ibgu.sim.durations import parse_seconds
from ibgu.sim.faults.catalogue import CATALOGUE
from ibgu.sim.faults.defects import DEFECTS
from ibgu.sim.faults.fault import Fault
from ibgu.sim.faults.updates import UPDATE_FAULTS

STAGES = ("Prep", "Upgrade", "Rollback", "Idle")

_RULE = re.compile(
    r"(?P<name>[a-z0-9.-]+)(?:/(?P<stage>\w+))?(?::(?P<length>[\w.]+))?(?:\*(?P<times>\d+))?"
    r"(?:=(?P<rate>[\d.]+))?(?:@(?P<clusters>[\w.,-]+))?"
)


class FaultRule(Struct, frozen=True):
    """FaultRule assigns a fault: `rate` is the share of the fleet that gets it; named clusters get
    it anyway."""

    fault: Fault
    rate: float = 1.0
    clusters: tuple[str, ...] = ()


def parse_fault(text: str) -> FaultRule:
    """Parses `name[/Stage][:duration][*times][=rate][@cluster,cluster]`. Without a rate and without
    clusters every cluster gets it. Raises ValueError."""
    match = _RULE.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is not a fault; write name[/Stage][:duration][*times][=rate][@cluster,...]"
        )
    clusters = tuple(filter(None, (match["clusters"] or "").split(",")))
    return FaultRule(_refined(match), _rate(match["rate"], clusters), clusters)


def parse_defect(text: str) -> FaultRule:
    """Parses `name[:duration][=rate][@cluster,cluster]`. A defect with a duration is mended after
    it. Raises ValueError."""
    match = _RULE.fullmatch(text)
    if match is None or match["stage"] or match["times"]:
        raise ValueError(f"{text!r} is not a defect; write name[:duration][=rate][@cluster,...]")
    clusters = tuple(filter(None, (match["clusters"] or "").split(",")))
    defect, length = _known(match["name"], DEFECTS, "defect"), match["length"]
    if length:
        defect = structs.replace(defect, seconds=parse_seconds(length))
    return FaultRule(defect, _rate(match["rate"], clusters), clusters)


def _refined(match: re.Match[str]) -> Fault:
    fault = _known(match["name"], CATALOGUE | UPDATE_FAULTS, "fault")
    stage, length, times = match["stage"], match["length"], match["times"]
    if stage:
        fault = structs.replace(fault, stage=_stage(fault, stage))
    if length:
        fault = structs.replace(fault, seconds=parse_seconds(length))
    return structs.replace(fault, times=int(times)) if times else fault


def _known(name: str, catalogue: Mapping[str, Fault], what: str) -> Fault:
    if name in catalogue:
        return catalogue[name]
    close = get_close_matches(name, catalogue, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(catalogue)}"
    raise ValueError(f"unknown {what} {name!r}; {hint}")


def _stage(fault: Fault, stage: str) -> str:
    if stage not in STAGES:
        raise ValueError(f"unknown stage {stage!r}; known: {', '.join(STAGES)}")
    if "." in fault.name and stage != fault.stage:
        raise ValueError(f"{fault.name} belongs to the stage {fault.stage}, not to {stage}")
    return stage


def _rate(text: str | None, clusters: Sequence[str]) -> float:
    if text is None:
        return 0.0 if clusters else 1.0
    rate = float(text)
    if not 0.0 <= rate <= 1.0:
        raise ValueError(f"a rate is a share between 0 and 1, not {text}")
    return rate


def assign(
    rules: Iterable[FaultRule], clusters: Sequence[str], seed: int | str
) -> dict[str, tuple[Fault, ...]]:
    """Returns each cluster's faults. A rate gives exactly that share of the fleet, chosen by the
    seed among the clusters that have no fault of the same stage yet."""
    given: dict[str, list[Fault]] = {name: [] for name in clusters}
    for number, rule in enumerate(rules):
        named = [name for name in rule.clusters if name in given]
        for name in named:
            given[name].append(rule.fault)
        wanted = round(rule.rate * len(clusters))
        lots = sorted(
            (_lot(seed, number, name), name)
            for name in clusters
            if _has_room(given[name], rule.fault)
        )
        for _, name in lots[:wanted]:
            given[name].append(rule.fault)
    return {name: tuple(faults) for name, faults in given.items()}


def _has_room(faults: list[Fault], fault: Fault) -> bool:
    return all(had.stage != fault.stage and had.name != fault.name for had in faults)


def _lot(seed: int | str, number: int, name: str) -> bytes:
    return sha256(f"{seed}/{number}/{name}".encode()).digest()
