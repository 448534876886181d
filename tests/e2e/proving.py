"""The admission policy that proves who has written what, as a test waits for it."""

import asyncio
from datetime import UTC, datetime, timedelta

from ibgu.core.plan.grants import POLICY
from ibgu.core.plan.references import SETTLED
from tests.e2e.harness import Scene


async def proving(scene: Scene) -> None:
    """Waits until what is created now is proven: API servers learn late of a new policy."""
    created = ("-o", "jsonpath={.metadata.creationTimestamp}")
    kinds = ("validatingadmissionpolicy", "validatingadmissionpolicybinding")
    told = [await scene.kubectl("get", kind, POLICY, *created) for kind in kinds]
    ready = max(map(datetime.fromisoformat, told)) + SETTLED + timedelta(seconds=1)
    await asyncio.sleep(max(0.0, (ready - datetime.now(UTC)).total_seconds()))
