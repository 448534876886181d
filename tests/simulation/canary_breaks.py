"""Draws canaries that break after their upgrade, what becomes of the rollout and the policy
meanwhile, and what stands against rolling them back (R50.19)."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tests.simulation.faults import Fault, theme
from tests.simulation.health_proofs import (
    CONDITIONS,
    ELSEWHERE,
    METRICS,
    PROOFS,
    checks,
)

Object = dict[str, Any]

PROVEN = "proven"
"""The name of the policy."""
WELL, BROKEN, UNKNOWN, GONE, DARK = "True", "False", "Unknown", "", "dark"
"""What is said of a cluster: DARK is that the hub can't reach it, whatever is said."""
SHARES = {
    "everything": 0.3,
    "leaders": 0.3,
    "outage": 0.15,
    "people": 0.3,
    "dark": 0.5,
    "restored": 0.2,
    "talm": 0.2,
}
"""The share of seeds of each theme that has such canaries."""
LATE = 3600.0
"""The most seconds that canaries and their rollbacks take longer than other rollouts."""
_ALWAYS = 1e6
_TIMEOUT = 60


class Spell(Struct, frozen=True):
    """Spell is what is said of a cluster for a while."""

    says: str
    seconds: float


class CanaryBreaks(Struct, frozen=True):
    """CanaryBreaks is what becomes of canaries, and of what rolls them back."""

    policy: Object = {}
    """The spec of the policy; empty: there is none."""
    proof: str = CONDITIONS
    """What says how clusters are."""
    known_from: float = 0.0
    """Until when the policy names a source that ibgu does not know, in seconds; 0: never."""
    before: Mapping[str, str] = {}
    """What is said of each cluster before its upgrade."""
    spells: Mapping[str, Sequence[Spell]] = {}
    """What is said of each cluster from its upgrade on."""
    meanwhile: tuple[Fault, ...] = ()
    """What happens in seconds after the first cluster broke."""
    faults: tuple[Fault, ...] = ()
    """What happens to the creation of new rollouts."""


def breaks_canaries(seed: int) -> bool:
    """Returns whether canaries of the seed break, by a separate draw that leaves the rest of the
    seed unchanged."""
    return Random(f"{seed}/canaries").random() < SHARES.get(theme(seed).name, 0.0)


def rollouts(rng: Random, clusters: int, shapes: Sequence[Sequence[Sequence[str]]]) -> list[Any]:
    """Returns the rollouts with their times: one for all clusters, and maybe one that takes a
    cluster of the first one later."""
    found = [(5.0, _rollout(rng, 0, {"group": "all"}, rng.choice(shapes)))]
    if rng.random() < 0.2:
        one = {"name": f"site-{rng.randint(1, clusters)}"}
        found.append((rng.uniform(300.0, 1200.0), _rollout(rng, 1, one, [["FinalizeUpgrade"]])))
    return found


def _rollout(
    rng: Random, number: int, labels: Mapping[str, str], shape: Sequence[Sequence[str]]
) -> Object:
    strategy = {"maxConcurrency": rng.choice((2, 3, 4)), "timeout": _TIMEOUT}
    plan = [
        {"actions": [str(action) for action in actions], "rolloutStrategy": strategy}
        for actions in shape
    ]
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {"name": f"rollout-{number}", "namespace": "default"},
        "spec": {
            "clusterLabelSelectors": [{"matchLabels": labels}],
            "ibuSpec": {"seedImageRef": {"image": "quay.io/seed:4.17.0", "version": "4.17.0"}},
            "plan": plan,
        },
    }


def canary_breaks(rng: Random, clusters: int) -> CanaryBreaks:
    minutes = rng.choice((1, 2, 5))
    grace = 60.0 * minutes
    canaries: Object = {
        "count": rng.randint(1, min(3, clusters - 1)),
        "soakMinutes": rng.choice((15, 30)),
        "health": checks(CONDITIONS),
    }
    if rng.random() < 0.9:
        canaries |= {"rollback": True, "rollbackAfterMinutes": minutes}
    spec: Object = {"canaries": canaries}
    if rng.random() < 0.8:
        spec["actions"] = ["Upgrade"]
    names = [f"site-{number}" for number in range(1, clusters + 1)]
    sick = {name: rng.random() < 0.1 for name in names}
    return CanaryBreaks(
        policy=spec,
        before={name: rng.choice((BROKEN, UNKNOWN)) if sick[name] else WELL for name in names},
        spells={name: tuple(_spells(rng, grace, sick=sick[name])) for name in names},
        meanwhile=tuple(_meanwhile(rng, grace)),
        faults=tuple(_creation(rng)),
    )


def _spells(rng: Random, grace: float, *, sick: bool) -> Iterator[Spell]:
    """Yields what is said of one cluster. `sick`: it was never well."""
    if sick:
        yield Spell(BROKEN, 2.0 * grace + 200.0)
        return
    yield Spell(WELL, rng.uniform(20.0, 150.0))
    unknown, short = rng.choice((UNKNOWN, GONE)), grace * rng.uniform(0.3, 0.9)
    lasting = Spell(BROKEN, grace * rng.uniform(1.5, 3.0) + 150.0)
    match rng.choice((*("broken",) * 5, "short", "short", "unknown", "gap", "dark", "well")):
        case "broken":
            yield lasting
        case "short":
            yield Spell(BROKEN, short)
            yield Spell(WELL, rng.uniform(40.0, 120.0))
            yield Spell(BROKEN, grace * rng.uniform(0.6, 0.9))
        case "unknown":
            yield Spell(unknown, lasting.seconds)
        case "gap":
            yield Spell(BROKEN, grace * 0.7)
            yield Spell(unknown, rng.uniform(20.0, 60.0))
            yield Spell(BROKEN, grace * 0.7)
        case "dark":
            yield Spell(BROKEN, short)
            yield Spell(DARK, rng.uniform(150.0, 400.0))
            yield rng.choice((lasting, Spell(BROKEN, short)))


def _meanwhile(rng: Random, grace: float) -> Iterator[Fault]:
    if rng.random() < 0.3:
        yield Fault(rng.uniform(0.0, grace), "paused", rng.uniform(0.5, 4.0) * grace)
    if rng.random() < 0.1:
        yield Fault(rng.uniform(0.0, 1.5 * grace), "ibgu-deleted")
    if rng.random() < 0.2:
        yield Fault(grace + rng.uniform(10.0, 200.0), "resumed")
    if rng.random() < 0.2:
        yield Fault(rng.uniform(0.3, 1.5) * grace, "kill")
    if rng.random() < 0.15:
        yield Fault(rng.uniform(0.0, grace), "rollback-unasked", rng.uniform(1.0, 4.0) * grace)
    if rng.random() < 0.15:
        yield Fault(rng.uniform(-60.0, grace), "talm-lives", rng.uniform(1.0, 4.0) * grace)


def _creation(rng: Random) -> Iterator[Fault]:
    if rng.random() < 0.15:
        yield Fault(0.0, "follow-up-forbidden", _ALWAYS)
    if rng.random() < 0.15:
        yield Fault(0.0, "follow-up-taken")
    if rng.random() < 0.3:
        yield Fault(0.0, rng.choice(("kill-before-follow-up", "kill-after-follow-up")))
    elif rng.random() < 0.2:
        yield Fault(0.0, "pause-before-follow-up", rng.uniform(20.0, 300.0))


OTHERWISE = 0.5
"""The share of canaries that something else proves than a condition of their ManagedCluster."""


def proven_otherwise(found: CanaryBreaks, rng: Random) -> CanaryBreaks:
    """Returns the same with a proof by works, policies or sources in its share of cases. A source
    that ibgu does not know at first keeps everything."""
    if rng.random() >= OTHERWISE:
        return found
    proof = rng.choice(PROOFS)
    canaries = {**found.policy["canaries"], "health": checks(proof)}
    soak = 60.0 * canaries["soakMinutes"]
    spells = dict(found.spells)
    for name in spells:
        if rng.random() < 0.4:
            spells[name] = tuple(_late(rng, soak, 900.0 if proof == METRICS else 500.0))
        elif proof == METRICS and rng.random() < 0.5:
            spells[name] = tuple(_brief(rng))
    late = proof == METRICS and rng.random() < 0.3
    return replace(
        found,
        policy={**found.policy, "canaries": canaries},
        proof=proof,
        spells=spells,
        known_from=rng.uniform(60.0, 600.0) if late else 0.0,
    )


def _late(rng: Random, soak: float, most: float) -> Iterator[Spell]:
    """Yields what is said of a cluster that is not well, or not known, before its soak ends.
    `most`: for how many seconds."""
    yield Spell(WELL, soak * rng.uniform(0.5, 0.95))
    yield Spell(rng.choice((BROKEN, UNKNOWN, GONE)), rng.uniform(20.0, most))


def _brief(rng: Random) -> Iterator[Spell]:
    """Yields breaks that may begin and end between two questions."""
    for _ in range(2):
        yield Spell(WELL, rng.uniform(65.0, 200.0))
        yield Spell(BROKEN, rng.uniform(35.0, 55.0))


def elsewhere(found: CanaryBreaks) -> Object:
    """Returns the spec of the policy as long as it names a source that ibgu does not know."""
    canaries = {**found.policy["canaries"], "health": checks(found.proof, source=ELSEWHERE)}
    return {**found.policy, "canaries": canaries}
