"""One trouble after the other in a single rollout: the short form of this folder's long scenes."""

import asyncio

from ibgu.sandbox.postgres import EmbeddedPostgres
from tests.chaos.scene import Chaos
from tests.chaos.test_postgres import killed, terminate


async def test_one_trouble_after_the_other(chaos: Chaos, postgres: EmbeddedPostgres) -> None:
    to_hub, hub_url = await chaos.before_hub()
    to_journal, database_url = await chaos.before_postgres()
    await chaos.roll_out(30, 6, durations="60s-160s")
    pod = await chaos.pod(hub_url=hub_url, database_url=database_url)
    await chaos.leads(pod)
    await chaos.progress(3)
    await killed(postgres, away=1.0)
    await chaos.progress(3)
    await asyncio.to_thread(chaos.hub.kill_apiserver)
    await asyncio.to_thread(chaos.hub.start_apiserver)
    await chaos.progress(3)
    for _ in range(20):
        await terminate(chaos)
        await asyncio.sleep(0.05)
    for network in (to_hub, to_journal):
        await chaos.progress(3)
        network.cut()
        await chaos.progress(3)
        network.half_close()
        await chaos.progress(3)
        network.silence()
        await asyncio.sleep(2.0)
        network.heal()
    await chaos.unharmed()
