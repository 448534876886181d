"""kill -9 of the controller between any two steps, with real work agents below it."""

from tests.e2e import test_kill as on_the_model
from tests.e2e.harness import Scene
from tests.e2e.test_kill import test_a_controller_is_killed_in_a_rollback

__all__ = ["test_a_controller_is_killed_in_a_rollback"]

DEATHS = (*on_the_model.MEMBER_DEATHS, "before:StepFinished", "after:StepFinished")


async def test_a_controller_is_killed_between_any_two_steps(scene: Scene) -> None:
    await on_the_model.test_a_controller_killed_in_every_phase(scene, DEATHS, 3)


async def test_a_controller_is_killed_as_the_rollout_and_its_steps_begin_and_end(
    scene: Scene,
) -> None:
    await on_the_model.test_a_controller_killed_in_every_phase(
        scene, on_the_model.ROLLOUT_DEATHS, 1
    )
