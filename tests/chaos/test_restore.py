"""etcd is restored from an older backup while a rollout is under way."""

import asyncio
from pathlib import Path

import pytest

from tests.chaos.scene import Chaos


@pytest.mark.slow("chaos")
async def test_etcd_is_restored(chaos: Chaos, tmp_path: Path) -> None:
    """Works, labels and status go back; the clusters and the journal are where they are.

    A person says when to go on, and nothing that was done is done again.
    """
    await chaos.roll_out(60, 15)
    pod = await chaos.pod()
    await chaos.leads(pod)
    await chaos.progress(40)
    await asyncio.to_thread(chaos.hub.back_up, tmp_path / "backup")
    await chaos.progress(30)
    await asyncio.to_thread(chaos.hub.restore, tmp_path / "backup")
    await chaos.phase("chaos", "Held", seconds=180)
    assert (await chaos.condition("chaos", "Held"))["reason"] == "Restored"
    await chaos.annotate("chaos", "ibgu.dev/resume=checked")
    await chaos.unharmed()
