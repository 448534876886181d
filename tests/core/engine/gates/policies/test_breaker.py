"""R50.10: a policy's circuit breaker holds an image that has failed too often, in all rollouts."""

from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Outcome, ReasonKind
from ibgu.core.model.kinds import LabelSelector
from tests.core.engine.decide.builders import SEED_BY_DIGEST, seeded
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.policy import policy, set_policies

TAG = "quay.io/seed:4.18"


def fleet(bad: set[int], **breaker: Any) -> InMemoryEngine:
    """The bad ones fail in their Upgrade."""
    engine = InMemoryEngine(*(f"site-{n:02}" for n in range(1, 21)))
    Invariants(engine)
    for n, (name, spoke) in enumerate(engine.spokes.items(), 1):
        engine.labels[name] = {"name": name}
        spoke.faults[Stage.UPGRADE] = "fail" if n in bad else ""
    set_policies(engine, policy("seeds", breaker=breaker))
    return engine


def roll(engine: InMemoryEngine, name: str, image: str, *sites: str, **spec: int) -> None:
    selectors = [LabelSelector({"name": site}) for site in sites] or [LabelSelector()]
    steps = ibgu(name, "Prep Upgrade", concurrency=1, timeout=5000, selectors=selectors)
    engine.apply(seeded(steps, image))


def held(engine: InMemoryEngine, uid: str) -> str:
    found = engine.tracked(uid).steps[0].step.hold
    assert found is None or found.kind is ReasonKind.SEED_BREAKER
    return found.message if found else ""


@pytest.mark.parametrize("image", [SEED_BY_DIGEST, TAG])
def test_the_image_is_held_in_every_rollout(image: str) -> None:
    engine = fleet({1, 2}, sameCause=2)
    roll(engine, "a", image)
    engine.wait(hours=3)
    assert engine.tracked("uid-a").steps[0].counts[Outcome.FAILED] == 2
    words = "2 upgrades failed with UpgradeFailed within 1 d, in all rollouts with this image"
    assert held(engine, "uid-a").startswith(f"{words}; RolloutPolicy seeds allows fewer")
    roll(engine, "b", image, "site-20")
    roll(engine, "c", f"{image}-other" if image == TAG else TAG, "site-19")
    engine.wait(hours=3)
    assert held(engine, "uid-b")
    assert engine.tracked("uid-c").steps[0].counts[Outcome.SUCCEEDED] == 1


def test_a_share_of_the_upgrades_that_fail_at_random() -> None:
    engine = fleet({2, 4, 6, 8}, percent=40, minimumUpgrades=5)
    roll(engine, "a", SEED_BY_DIGEST)
    engine.wait(hours=12)
    assert held(engine, "uid-a").startswith("3 of 6 upgrades failed within 1 d")
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=100)
    assert engine.tracked("uid-a").steps[0].counts[Outcome.FAILED] == 4


@pytest.mark.parametrize(
    "spec", [{"actions": ["FinalizeUpgrade"]}, {"clusters": {"clusterSets": ["east"]}}]
)
def test_a_step_that_the_policy_is_not_about_goes_on(spec: dict[str, Any]) -> None:
    engine = fleet({1, 2})
    set_policies(engine, policy("seeds", breaker={"sameCause": 1}, **spec))
    roll(engine, "a", SEED_BY_DIGEST)
    engine.wait(hours=100)
    assert held(engine, "uid-a") == ""
    assert engine.tracked("uid-a").steps[0].counts[Outcome.SUCCEEDED] == 18
