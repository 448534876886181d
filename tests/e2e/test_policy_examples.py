"""The guide's examples of policies, as they stand there, on the real API server: those that
`python -m tests.policy_examples` plays with 200 clusters, with few of them here."""

from pathlib import Path

import pytest

from tests.e2e.harness import Scene
from tests.e2e.manifests import step
from tests.policy_examples.approvals import CANARIES, soak_end
from tests.policy_examples.examples import EXAMPLES, Example
from tests.policy_examples.stage import NAMESPACE, ROLLOUT, Stage, staged
from tests.policy_examples.truth import runs_of


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.play.__name__)
async def test_an_example_of_the_guide_does_what_the_guide_says(
    scene: Scene, example: Example
) -> None:
    async with staged(scene, example.few, None) as stage:
        await example.play(stage)
        assert stage.proof().proven


async def test_a_canary_that_fails_holds_all_others_until_a_person_resumes(
    scene: Scene, tmp_path: Path
) -> None:
    async with staged(scene, 8, tmp_path) as stage:
        bad = stage.names[1]
        await stage.begin("careful", faults=[f"upgrade.restore@{bad}"])
        await stage.rollout(step("Prep"), step("Upgrade", most=1, timeout=600))
        words = f"1 of 5 canaries failed ({bad}), and RolloutPolicy careful allows none"
        assert words in await stage.held("FailureBudgetSpent")
        await stage.looks.rollout("failed", NAMESPACE, ROLLOUT, words)
        assert await _upgraded(stage) == stage.names[:2]
        await stage.types("olga", "ibgu resume", "--yes")
        await stage.ended(CANARIES)
        stage.soak(await soak_end(stage))
        summary = await stage.completed()
    assert (summary["succeeded"], summary["failed"]) == (7, 1)
    names = (
        "failed-kubectl.txt",
        "failed-status.txt",
        "failed-rollout.png",
        "typed-ibgu-resume.txt",
    )
    seen = [tmp_path / f"0{number}-{name}" for number, name in enumerate(names, start=1)]
    assert [path for path in seen if not path.exists()] == []


async def _upgraded(stage: Stage) -> list[str]:
    return [run.cluster for run in await runs_of(stage.scene, "Upgrade")]
