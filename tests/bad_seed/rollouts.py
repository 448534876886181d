"""Rollouts of a bad seed image in virtual time, by the engine itself: a share of the upgrades
fails."""

from datetime import timedelta
from functools import partial

import msgspec
import yaml
from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Outcome
from ibgu.core.model.rollout_policy import PolicyState, RolloutPolicy
from tests.bad_seed.spokes import Attempts, LazySpoke, drawn_upgrades
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.docs.site import DOCS, fences

NAMES = [f"site-{number:03}" for number in range(1, 201)]
CONCURRENCY = 20
_TIMEOUT = 10_000
"""Minutes: no limit ends what is held."""
_DAYS = timedelta(days=2)
"""Longer than all upgrades take in a rollout that nothing stops."""
_EXAMPLE = "careful"
_PREPARED = "lcm.openshift.io/ibgu-prep-completed"


class Figures(Struct, frozen=True):
    """Figures are how far a rollout has come that nobody resumes."""

    started: int
    """The clusters that were asked for the Upgrade."""
    failed: int


def example() -> RolloutPolicy:
    """Returns the guide's policy that has all that stops a bad seed."""
    texts = [each.text for each in fences(DOCS / "guides/safe-by-policy.md")]
    [text] = [each for each in texts if f"\n  name: {_EXAMPLE}\n" in each]
    return msgspec.convert(yaml.safe_load(text), RolloutPolicy)


def part(name: str) -> RolloutPolicy:
    """Returns the example with that part alone of what stops a bad seed."""
    found = example()
    others = dict.fromkeys({"canaries", "failure_budget", "breaker"} - {name})
    return replace(found, spec=replace(found.spec, **others))


def roll_out(
    share: float, seed: int, policy: RolloutPolicy | None = None, breaker: bool = True
) -> Figures:
    """Upgrades clusters that are prepared, of which about that share fails. `breaker`: whether the
    step has its own circuit breaker."""
    engine = _engine(share, seed)
    if policy is not None:
        engine.rollout_policies = PolicyState((policy,))
    found = ibgu("a", "Upgrade", concurrency=CONCURRENCY, timeout=_TIMEOUT)
    engine.apply(replace(found, metadata=replace(found.metadata, namespace="ran")))
    if not breaker:
        engine.annotate("uid-a", circuit_breaker="off")
    engine.drive(_DAYS)
    started = sum(bool(spoke.executed) for spoke in engine.spokes.values())
    return Figures(started, engine.tracked("uid-a").steps[0].counts[Outcome.FAILED])


def unstopped(share: float, seed: int) -> Figures:
    """Returns what `roll_out` does if nothing stops it: every cluster ends as it was drawn."""
    return Figures(len(NAMES), sum(_draws(share, seed).fails))


def _draws(share: float, seed: int) -> Attempts:
    return drawn_upgrades(len(NAMES), seed, share)


def _engine(share: float, seed: int) -> InMemoryEngine:
    draws = _draws(share, seed)
    courses = zip(NAMES, draws.seconds, draws.fails, strict=True)
    attempts = {
        name: {Stage.PREP: (1.0, False), Stage.UPGRADE: (seconds, fails)}
        for name, seconds, fails in courses
    }
    engine = InMemoryEngine(*NAMES, node=partial(LazySpoke, attempts))
    for name in NAMES:
        engine.spokes[name].to("Prep")
        engine.labels[name] = {_PREPARED: ""}
    return engine
