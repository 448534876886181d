"""The same seed gives the same fleet, whatever else happens."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibgu.sim.faults import CATALOGUE
from tests.sim.cluster_simulation import ClusterSimulation, stage_work

DEEDS = ("Prep", "Upgrade", "Rollback", "Idle", "delete", "dark", "back", "remove")


def story(seed: int, *faults: str, **spec: Any) -> list[tuple[str, str, float]]:
    world = ClusterSimulation(*faults, seed=seed, durations="field", **spec)
    for stage in ("Prep", "Upgrade", "Idle"):
        world.put(stage_work(stage))
        world.run(10800)
    return [(run.stage, run.outcome, run.seconds or -1.0) for run in world.cluster.timeline.runs]


def test_same_seed_same_timeline() -> None:
    assert story(1) == story(1)
    assert story(1) != story(2)


def test_another_cluster_has_another_course() -> None:
    assert story(1, name="spoke1") != story(1, name="spoke2")


def test_scale_shortens_every_duration() -> None:
    whole, tenth = story(5), story(5, scale=0.1)
    for (_, _, long), (_, _, short) in zip(whole, tenth, strict=True):
        assert short == pytest.approx(long / 10, rel=0.01)


@settings(max_examples=60, deadline=None)
@given(
    fault=st.sampled_from(sorted(CATALOGUE)),
    seed=st.integers(0, 1000),
    script=st.lists(
        st.tuples(st.sampled_from(DEEDS), st.floats(0, 900)),
        max_size=8,
    ),
)
def test_time_always_goes_on(fault: str, seed: int, script: list[tuple[str, float]]) -> None:
    """Nothing that anybody does makes a cluster stand still at one moment or fall over."""
    world = ClusterSimulation(fault, seed=seed, durations="field")
    for deed, pause in script:
        match deed:
            case "delete":
                world.cluster.delete_ibu(world.now)
            case "dark":
                world.cluster.go_dark()
            case "back":
                world.cluster.come_back()
            case "remove":
                if "work" in world.works:
                    world.remove()
            case stage:
                world.put(stage_work(stage))
        patches = len(world.patches)
        world.run(pause)
        assert len(world.patches) - patches < 500
        check_conditions(world)


def check_conditions(world: ClusterSimulation) -> None:
    """No type twice, and the generation that was observed is never ahead."""
    ibu = world.cluster.spoke.ibu
    if ibu is None or "status" not in ibu:
        return
    kinds = [c["type"] for c in ibu["status"]["conditions"]]
    assert len(kinds) == len(set(kinds))
    assert ibu["status"]["observedGeneration"] <= ibu["metadata"]["generation"]
    for work in world.works.values():
        for condition in work.get("status", {}).get("conditions", []):
            assert condition.get("observedGeneration", 0) <= work["metadata"]["generation"]
