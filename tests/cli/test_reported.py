"""Warnings and rollback deadlines of clusters, as the commands print them."""

import re

import pytest

from ibgu.db import Journal
from tests.api.reported import LATER, SOON, WARNING, upgraded
from tests.cli.conftest import Ibgu


@pytest.fixture(autouse=True)
async def rollout(journal: Journal) -> None:
    await upgraded(journal)


async def lines(ibgu: Ibgu, *args: str) -> list[str]:
    found = await ibgu(*args)
    assert found.exit_code == 0, found.output
    return found.stdout.splitlines()


async def test_status_says_who_was_warned_and_until_when_to_decide(ibgu: Ibgu) -> None:
    found = await lines(ibgu, "status", "ran-r1")
    warned = "⚠ 1 cluster completed an action with a warning: ibgu members ran-r1 -n default"
    assert f"{warned} --warned -o wide" in found
    told = next(line for line in found if "can be rolled back" in line)
    until = re.escape(f"{SOON.astimezone():%Y-%m-%d %H:%M:%S}")
    words = rf"2 clusters can be rolled back: finalize or roll back by {until} \(in 29 d.*\)"
    assert re.fullmatch(words, told)


async def test_members_are_found_by_them(ibgu: Ibgu) -> None:
    heading, warned = await lines(ibgu, "members", "ran-r1", "--warned", "-o", "wide")
    assert heading.split()[-2:] == ["ROLLBACK", "WORDS"]
    assert warned.split()[:5] == ["b", "1", "succeeded", "Prep", "Warning"]
    assert warned.endswith(f"warning: {WARNING}")
    _, first, second = await lines(ibgu, "members", "ran-r1", "--rollback", "-o", "wide")
    assert f"{LATER.astimezone():%Y-%m-%d %H:%M:%S}" in first
    assert f"{SOON.astimezone():%Y-%m-%d %H:%M:%S}" in second


async def test_an_explanation_counts_down(ibgu: Ibgu) -> None:
    found = "\n".join(await lines(ibgu, "explain", "ran-r1", "b"))
    assert re.search(r"^rollback  ?finalize or roll back by .* \(in 29 d.*\)$", found, re.M)
