"""Payloads that are too large: ibgu refuses them before it touches a cluster. The hub would refuse
far larger ones only, and there no cluster would begin either."""

import pytest

from ibgu.core.engine.works import payload
from tests.e2e.clock import ScaledTime
from tests.e2e.manifests import config_map, step
from tests.e2e.test_payload import (
    OADP,
    carrying,
    quick_retries,
    test_an_oversized_payload_touches_no_cluster,
)
from tests.neighbours.scene import RealScene

__all__ = ["quick_retries", "test_an_oversized_payload_touches_no_cluster"]

REFUSED = "request is too large"
"""etcd's answer to more than 1.5 MiB at once."""


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_without_ibgus_own_limit_the_hub_refuses_the_work(
    scene: RealScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payload, "LIMIT", 10_000_000)
    parts = [OADP | {"name": f"{scene.label}-{number}"} for number in (1, 2)]
    for part in parts:
        await scene.apply(config_map(part["namespace"], part["name"], backup="small"))
        await scene.kubectl(
            *("patch", "cm", part["name"], "-n", part["namespace"], "--type=merge"),
            *("--patch-file", "/dev/stdin"),
            stdin=f'{{"data": {{"backup": "{"x" * 900_000}"}}}}',
        )
    name, clock = f"{scene.label}-1", ScaledTime(1)
    await scene.fleet(count=1)
    await scene.start(clock=clock)
    manifest = carrying(scene)
    manifest["spec"]["ibuSpec"]["oadpContent"] = parts
    manifest["spec"]["plan"] = [step("Prep", timeout=2)]
    await scene.apply(manifest)
    await scene.until(lambda: _waits_for(scene, REFUSED), "the hub's refusal as the reason")
    clock.speed = 30
    await scene.completed("carrying")
    (failed,) = (await scene.entry("carrying", name))["failedActions"]
    assert REFUSED in failed["message"]
    assert scene.stages(name) == []
    for part in parts:
        await scene.kubectl("delete", "cm", part["name"], "-n", part["namespace"])


async def _waits_for(scene: RealScene, words: str) -> bool:
    rows = await scene.journal("SELECT reason->>'message' AS words FROM members")
    return any(words in row["words"] for row in rows)
