"""Clusters that report something beside how their actions go: a warning, a rollback deadline."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import StepState
from ibgu.db import Journal
from tests.api.fleet import open_step, put, rollout, seen, succeeded
from tests.db.records import NOW, step

WARNING = "Thing[1] - CRD not deployed on cluster"
SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=29, hours=5)
LATER = SOON + timedelta(hours=1)
SOON_STAMP = f"{SOON:%Y-%m-%dT%H:%M:%SZ}"
LATER_STAMP = f"{LATER:%Y-%m-%dT%H:%M:%SZ}"


async def upgraded(journal: Journal) -> None:
    """Prep and Upgrade are finished: b's Prep has warned, a and b can be rolled back, c can't."""
    found = rollout()
    await seen(journal, found)
    over = {"state": StepState.FINISHED, "finished_at": NOW, "total": 3}
    prep = await open_step(journal, step(found, 0, Action.PREP, **over))
    a, b, c = (succeeded(prep, name, number) for number, name in enumerate("abc"))
    await put(journal, a, replace(b, warning=WARNING), c)
    upgrade = await open_step(journal, step(found, 1, Action.UPGRADE, **over))
    a, b, c = (succeeded(upgrade, name, number) for number, name in enumerate("abc"))
    await put(journal, replace(a, rollback_until=LATER), replace(b, rollback_until=SOON), c)
