"""R23: a lease that is lost and regained at once is no stop of ibgu."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Kind, RunResult
from tests.core.engine.decide.arming import arming, run_of
from tests.core.engine.decide.fleet import START, InMemoryEngine


def stop(engine: InMemoryEngine) -> None:
    """Stops the controller: what was on its way is lost, and another one leads."""
    engine.restart()
    engine.facts = replace(engine.facts, in_sync_since=engine.now + timedelta(seconds=1))


def blip(engine: InMemoryEngine) -> None:
    """The same controller leads again, and has seen the hub all along."""
    stop(engine)
    engine.facts = replace(engine.facts, led_since=START)


def test_a_run_that_was_arming_continues_after_a_blip() -> None:
    engine, uid = arming()
    run = run_of(engine, uid)
    blip(engine)
    engine.wait(minutes=1)
    assert engine.spokes["site-1"].executed == [(run.id, Stage.PREP)]
    assert len(engine.told(Kind.RUN_INTENDED)) == 1


@pytest.mark.parametrize(("step", "again"), [("Prep", stop), ("Abort", blip)])
def test_a_run_that_was_not_armed_is_withdrawn_once_its_probe_may_be_outdated(
    step: str, again: Callable[[InMemoryEngine], None]
) -> None:
    """A lead of another controller has that effect, and so has a probe that only counts for a
    moment (R9.4)."""
    engine, uid = arming(step)
    run = run_of(engine, uid)
    again(engine)
    engine.turn()
    ended = run_of(engine, uid)
    assert (ended.id, ended.result) == (run.id, RunResult.WITHDRAWN)


def test_a_run_that_no_longer_applies_is_withdrawn_after_a_blip() -> None:
    """The state is judged again right before it is armed (R8.8)."""
    engine, uid = arming()
    run = run_of(engine, uid)
    engine.spokes["site-1"].to("Prep")
    blip(engine)
    engine.wait(minutes=5)
    assert run.id not in {id_ for id_, _ in engine.spokes["site-1"].executed}
