"""Works that only read are not written beside a live TALM (R20.1), and nothing of them is lost."""

import asyncio
from random import Random

from ibgu.controller.inspections.canary_works import _WORKS
from ibgu.controller.inspections.reading_works import ReadingWorks
from ibgu.core.drivers.canary_health import SELECTOR, WORK
from ibgu.flowcontrol.deadline import Deadline
from ibgu.hub import paths
from ibgu.hub.discovery import discover
from ibgu.hub.writing.writer import WriteLimits, WriteResult
from ibgu.sim.hub import MemoryClient, MemoryHub

LEFT = {
    "apiVersion": "work.open-cluster-management.io/v1",
    "kind": "ManifestWork",
    "metadata": {"name": WORK, "namespace": "site-1", "labels": {SELECTOR: "true"}},
    "spec": {"workload": {"manifests": []}},
}


async def test_a_removal_that_talm_stops_is_made_later() -> None:
    loop = asyncio.get_running_loop()
    hub = MemoryHub(now=loop.time)
    client = MemoryClient(hub, "ibgu")
    site = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "site-1"}}
    await client.request("POST", "/api/v1/namespaces", body=site)
    await client.request("POST", paths.works("site-1"), body=LEFT)
    answers: list[WriteResult] = []
    holds = [False]
    works = ReadingWorks(
        _WORKS,
        client,
        await discover(client),
        WriteLimits(concurrency=1, rate=100.0, burst=10),
        Random(1),
        lambda cluster, result: answers.append(result),
        lambda: holds[0],
    )
    deadline = Deadline(loop.time)
    deadline.move(float("inf"))
    async with works.open(deadline):
        assert works.may_write()
        assert works.remove(lambda work: False)
        holds[0] = True
        assert not works.may_write()
        works.create("site-2", b"{}", "x")
        await asyncio.sleep(0)
        assert works.get("site-1") is not None
        holds[0] = False
        assert works.may_write()
        for _ in range(500):
            if not works.remove(lambda work: False) and works.get("site-1") is None:
                break
            await works.woken(0.02)
        assert works.get("site-1") is None
