"""Leadership is shown to everybody whose token the hub accepts."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from ibgu.api.context import Context
from ibgu.db import Journal
from tests.api.conftest import Ask


async def leadership(ask: Ask, user: str = "alice") -> Any:
    answer = await ask(user, "leadership")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_nobody_has_led_yet(ask: Ask) -> None:
    found = await leadership(ask)
    assert (found["leader"], found["since"], found["remedy"]) == (None, None, None)
    assert found["words"] == "no controller has led this hub yet"


async def test_the_first_leader_changes_nothing(ask: Ask, journal: Journal) -> None:
    found = await leadership(ask, "carol")
    assert (found["leader"], found["epoch"], found["changes"]) == ("test", 1, 0)
    assert (found["before"], found["flaps"], found["remedy"]) == (None, False, None)
    age = datetime.now(UTC) - datetime.fromisoformat(found["since"])
    assert abs(age) < timedelta(minutes=5)
    assert found["words"].startswith("test took the lead at ")


async def test_a_change_names_who_led_before(ask: Ask, journal: Journal, context: Context) -> None:
    await Journal(context.engine, context.hub).lead("pod-2")
    await Journal(context.engine, "another-hub").lead("pod-9")
    found = await leadership(ask)
    assert (found["leader"], found["before"], found["changes"]) == ("pod-2", "test", 1)
    assert found["words"].endswith("leadership has changed once in the last 10 minutes")


async def test_changes_of_earlier_are_not_counted(
    ask: Ask, journal: Journal, context: Context
) -> None:
    for number in range(6):
        await Journal(context.engine, context.hub).lead(f"pod-{number % 2}")
    found = await leadership(ask)
    assert (found["changes"], found["flaps"]) == (6, True)
    assert "IbguLeaderFlaps" in found["remedy"]
    async with context.engine.begin() as db:
        await db.execute(text("UPDATE leaders SET since = since - interval '11 minutes'"))
    found = await leadership(ask)
    assert (found["changes"], found["flaps"], found["remedy"]) == (0, False, None)
