"""R46.10: an enforced step is evaluated by what inspections read on its clusters."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.controller.lookups import step_inspections
from ibgu.controller.lookups.step_inspections import StepInspections
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.preflight.inspection import InspectedFacts
from ibgu.core.drivers.ibu.preflight.inspection.objects import AGENT
from ibgu.core.model import Kind
from ibgu.db import Journal
from ibgu.db.inspections import FinishedInspection, Inspections
from tests.controller.lookups.judging import HOUR, UID, Controller
from tests.core.drivers.ibu.preflight.answers import facts
from tests.core.engine.decide.fleet import ibgu
from tests.db.conftest import HUB, db, journal, leading

__all__ = ["db", "journal", "leading"]


@pytest.fixture
def store(db: AsyncEngine, journal: Journal) -> Inspections:
    return Inspections(db, HUB)


async def requested(store: Inspections) -> list[str]:
    return sorted(each.cluster for each in await store.open(9))


async def wait_for_request(store: Inspections) -> None:
    for _ in range(1000):
        if await requested(store):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("no inspection was requested")


async def answer(store: Inspections, **found: InspectedFacts) -> None:
    """Ends the open inspections with what was read, by cluster without its hyphen."""
    now = datetime.now(UTC)
    done = [
        FinishedInspection(each.cluster, each.id, replace(read, read_at=now))
        for each in await store.open(9)
        if (read := found.get(each.cluster.replace("-", ""))) is not None
    ]
    await store.finish(done, 1)


async def test_a_step_that_is_enforced_again_has_its_clusters_inspected_again(
    store: Inspections, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent was removed while preflight was off, more than five minutes after the inspection
    (here: at once)."""
    monkeypatch.setattr(step_inspections, "FRESH", timedelta())
    controller = Controller("site-1", inspections=StepInspections(store, HOUR, 60))
    controller.engine.spokes["site-1"].dark = True
    await controller.begin("Prep")
    async with controller.checking():
        await wait_for_request(store)
        await answer(store, site1=facts())
    await controller.until(lambda: controller.record is not None)
    assert controller.evaluations[0].startswith("preflight: 0 errors")
    await controller.change("off")
    await controller.many_checks()
    await controller.change("enforce")
    async with controller.checking():
        await wait_for_request(store)
        assert len(controller.evaluations) == 2
        await answer(store, site1=facts({AGENT: None}))
    await controller.until(lambda: len(controller.evaluations) == 3)
    assert controller.record is not None
    assert [each.rule for each in controller.record.by_cluster["site-1"]][:1] == ["P6"]


async def test_a_cluster_whose_error_no_inspection_can_end_is_not_inspected_again(
    store: Inspections, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The topology of site-2 is a claim, of which its next inspection says nothing."""
    monkeypatch.setattr(step_inspections, "FRESH", timedelta())
    controller = Controller("site-1", "site-2", inspections=StepInspections(store, HOUR, 60))
    await controller.begin("Prep")
    controller.claim("site-2", "HighlyAvailable")
    async with controller.checking():
        await wait_for_request(store)
        await answer(store, site1=facts({AGENT: None}), site2=facts())
    await controller.until(lambda: controller.record is not None)
    assert controller.record is not None
    assert controller.record.erring() == {"site-1", "site-2"}
    async with controller.checking():
        await wait_for_request(store)
    assert await requested(store) == ["site-1"]
    async with controller.checking():
        await answer(store, site1=facts())
    await controller.until(lambda: len(controller.evaluations) == 2)
    controller.engine.wait(minutes=30)
    assert Kind.RUN_INTENDED in controller.engine.kinds("site-1")
    assert Kind.RUN_INTENDED not in controller.engine.kinds("site-2")


async def test_clusters_that_the_step_does_not_take_are_not_inspected(store: Inspections) -> None:
    """An Upgrade takes those of the selected clusters that are prepared."""
    sites = ("site-1", "site-2")
    controller = Controller(*sites, inspections=StepInspections(store, HOUR, 60))
    controller.engine.labels["site-1"] = {Action.PREP.completed_label: ""}
    await controller.put(ibgu("a", "Upgrade", concurrency=2), "enforce")
    tracked, views = controller.engine.tracked(UID), map(controller.engine.cluster, sites)
    await controller.preflights.before_start(tracked.rollout, filter(None, views))
    assert await requested(store) == ["site-1"]
