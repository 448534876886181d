"""A backup before an IBGU's Upgrade, on real work agents."""

from tests.e2e.manifests import step
from tests.e2e.test_backup_before_upgrade import asking
from tests.neighbours.backup_player import JOBS
from tests.neighbours.scene import RealScene
from tests.neighbours.test_fleet_backup import good_and_bad, job_works


async def test_the_job_is_gone_before_the_upgrade_and_one_that_fails_prevents_it(
    scene: RealScene,
) -> None:
    async with good_and_bad(scene) as players:
        good, bad = players
        await scene.start(upgrade_backups=True)
        await scene.apply(asking(scene, step("Prep"), step("Upgrade"), step("AbortOnFailure")))
        await scene.completed("saved")
    [failed] = (await scene.entry("saved", bad))["failedActions"]
    assert failed["action"] == "Upgrade"
    assert "too little free space" in failed["message"]
    assert scene.stages(good) == ["Prep", "Upgrade"]
    assert scene.stages(bad) == ["Prep", "Abort"]
    for name, player in players.items():
        assert len(player.made) == 1
        assert await job_works(scene, name) == []
        assert player.of(JOBS) == []
