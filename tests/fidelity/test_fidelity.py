"""Each scene on the model and for real: every field of every state."""

from pathlib import Path

import pytest

from tests.fidelity.compare import differences
from tests.fidelity.model import PlayedOnModel
from tests.fidelity.reads import CLUSTER, READS
from tests.fidelity.real import PlayedForReal
from tests.fidelity.scene import Scene
from tests.fidelity.stages import STAGES
from tests.fidelity.trace import Fields, Trace
from tests.fidelity.works import WORKS
from tests.neighbours.scene import RealScene

SCENES = (*STAGES, *WORKS, *READS)
SEEDS = range(40)
BOTH = ["2 of 2 resources are not available", "All resources are available"]


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
@pytest.mark.parametrize("played", SCENES, ids=lambda played: played.name)
async def test_the_real_one_shows_only_what_the_model_can_show(
    scene: RealScene, played: Scene
) -> None:
    models = [PlayedOnModel(played, CLUSTER, seed).trace for seed in SEEDS]
    real = await PlayedForReal(scene, CLUSTER, models).play(played)
    found = differences([step.name for step in played.steps], real, models)
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize(
    ("real", "seen", "differs"),
    [
        ("1 of 2 resources are not available", ["All resources are available"], True),
        ("3 of 2 resources are not available", BOTH, True),
        ("1 of 2 resources are not available", BOTH, False),
        ("Some text", BOTH, True),
    ],
)
def test_a_count_between_two_of_the_models_is_no_difference(
    real: str, seen: list[str], *, differs: bool
) -> None:
    field = "Available.message"
    last: Fields = {field: "All resources are available"}
    shown = Trace([[{field: real}]], [last])
    possible: list[Fields] = [{field: text} for text in seen]
    models = [Trace([possible], [last])]
    assert bool(differences(["back"], shown, models)) is differs


@pytest.mark.parametrize(("count", "differs"), [(2, False), (3, True)])
def test_objects_that_are_read_while_they_change_are_no_difference(
    count: int, *, differs: bool
) -> None:
    """One object comes and the other goes: in between, the real agent finds neither."""

    def shown(message: str, *available: str) -> Fields:
        objects = {f"Node/{n}: Available.status": each for n, each in enumerate(available)}
        return {"Available.message": message, **objects}

    one = "1 of 2 resources are not available"
    start, end = shown(one, "False", "True"), shown(one, "True", "False")
    between = shown(f"{count} of 2 resources are not available", "False", "False")
    real = Trace([[start], [between, end]], [start, end])
    models = [Trace([[start], [end]], [start, end])]
    assert bool(differences(["before", "a touch"], real, models)) is differs


def test_the_report_names_every_scene_and_step() -> None:
    report = (Path(__file__).parents[2] / "docs" / "fidelity.md").read_text()
    for played in SCENES:
        steps = "; ".join(step.name for step in played.steps)
        assert f"| {played.name} | {steps} |" in report
