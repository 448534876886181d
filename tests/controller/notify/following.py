"""A process that notifies, as a controller that leads in epoch 1 does; for tests that kill it."""

import asyncio
import sys

from ibgu.controller.notify import dispatcher, notifying
from ibgu.settings import read_settings


async def main(hub: str) -> None:
    dispatcher.POLL = 0.05
    async with notifying(read_settings(), hub) as notifier:
        assert notifier is not None
        notifier.lead(1)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
