"""R14 with several rollouts: what one has set ahead is not removed under another."""

from collections.abc import Callable

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Outcome, ReasonKind, names
from ibgu.core.model.kinds import LabelSelector
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import prepared
from tests.core.engine.decide.invariants import Invariants

SECOND = [LabelSelector(match_labels={"name": "site-2"})]


@pytest.fixture
def engine() -> InMemoryEngine:
    """Returns an engine whose rollout a turns import off for site-2, which is next, ahead; then b
    upgrades that cluster."""
    engine = prepared(2)
    Invariants(engine)
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "slow"
    engine.apply(ibgu("a", "Upgrade", concurrency=1, age=10))
    engine.wait(minutes=1)
    assert engine.annotations["site-2"][names.AUTO_IMPORT_BY] == "uid-a"
    engine.apply(ibgu("b", "Upgrade", selectors=SECOND))
    engine.wait(minutes=3)
    assert engine.member("uid-b", 0, "site-2").reason.kind is ReasonKind.REBOOTING
    return engine


def ends_by_skip(engine: InMemoryEngine) -> None:
    engine.annotate("uid-a", skip="site-2")


def ends_by_deletion(engine: InMemoryEngine) -> None:
    engine.delete("uid-a")


@pytest.mark.parametrize("ends", [ends_by_skip, ends_by_deletion])
def test_import_stays_off_in_another_rollouts_upgrade(
    engine: InMemoryEngine, ends: Callable[[InMemoryEngine], None]
) -> None:
    ends(engine)
    engine.wait(minutes=1)
    assert engine.spokes["site-2"].dark
    assert engine.annotations["site-2"][names.DISABLE_AUTO_IMPORT] == "true"
    assert engine.annotations["site-2"][names.AUTO_IMPORT_BY] == "uid-b"
    engine.wait(hours=1)
    assert engine.member("uid-b", 0, "site-2").outcome is Outcome.SUCCEEDED
    assert names.DISABLE_AUTO_IMPORT not in engine.annotations["site-2"]
