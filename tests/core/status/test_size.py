"""A status fits into one object: what is cut first, and what never is (design section 5)."""

from typing import Any

import pytest
from msgspec import json

from ibgu.core.kinds import Condition
from ibgu.core.model import Action
from ibgu.core.snapshot import PayloadState
from ibgu.core.status import size as module
from ibgu.core.status import status_of
from ibgu.core.status.listing import SHORT, Listing, item
from ibgu.core.status.size import LIMIT
from tests.core.book.records import NOW, book_of, done, failed, in_flight, member, rollout, step
from tests.core.status.listed import plain

LONG = "x" * 200
UNLISTED = {"type": "ClustersListed", "status": "False", "message": "{} clusters are not listed"}


def size(status: Any) -> int:
    return len(json.encode(status))


def fit(status: Any, last: Any, unlisted: Any, limit: int) -> Any:
    listing = Listing()
    for entry in status["clusters"]:
        listing._put(entry["name"], item(entry))
    rest = {key: value for key, value in status.items() if key != "clusters"}
    return plain(module.fit(rest, listing, last, unlisted, limit))


def status(**clusters: dict[str, Any]) -> dict[str, Any]:
    entries = [{"name": name.replace("_", "-"), **found} for name, found in clusters.items()]
    progressing = {"type": "Progressing", "message": "Waiting for plan step 1 to be completed"}
    return {"conditions": [progressing], "clusters": entries, "hidden": None}


def action(name: str, message: str = LONG) -> dict[str, str]:
    return {"action": name, "message": message} if message else {"action": name}


def completed(message: str = "") -> dict[str, Any]:
    return {"completedActions": [action("Prep", message)]}


def broken() -> dict[str, Any]:
    return {"failedActions": [action("Upgrade")]}


def running() -> dict[str, Any]:
    return {"currentAction": action("Upgrade")}


def names(found: Any) -> list[str]:
    return [entry["name"] for entry in found["clusters"]]


def test_what_fits_stays_as_it_is() -> None:
    whole = status(a=completed(LONG), b=broken(), c=running())
    assert fit(whole, (), UNLISTED, size(whole)) == whole


def test_messages_are_cut_first() -> None:
    whole = status(a=completed(LONG), b=broken(), c=running(), d={})
    found = fit(whole, (), UNLISTED, size(whole) - 1)
    assert names(found) == ["a", "b", "c", "d"]
    assert found["clusters"][1] == {"name": "b", "failedActions": [action("Upgrade", "x" * SHORT)]}
    assert found["clusters"][2]["currentAction"]["message"] == "x" * SHORT
    assert found["hidden"] is None
    assert found["conditions"] == whole["conditions"]


def test_then_clusters_of_earlier_steps_alone_are_hidden() -> None:
    clusters = {f"site_{n}": completed() for n in range(20)}
    whole = status(**clusters, a=broken(), b=running(), c={})
    last = {f"site-{n}" for n in range(10)} | {"c"}
    found = fit(whole, last, UNLISTED, size(whole) - 400)
    hidden = {name.replace("_", "-") for name in clusters} - set(names(found))
    assert hidden
    assert not hidden & last
    assert found["hidden"] == len(hidden)
    assert found["conditions"][0] == whole["conditions"][0]
    assert found["conditions"][1]["message"] == f"{len(hidden)} clusters are not listed"
    assert size(found) <= size(whole) - 400


def test_then_those_of_the_newest_step_that_are_neither_failed_nor_running() -> None:
    clusters = {f"site_{n}": completed() for n in range(20)}
    whole = status(**clusters, a=broken(), b=running(), c={})
    last = {f"site-{n}" for n in range(20)} | {"c"}
    found = fit(whole, last, UNLISTED, size(whole) - 600)
    assert {"a", "b"} <= set(names(found))
    assert 0 < found["hidden"] < 20


def test_failed_and_running_clusters_are_never_hidden_but_lose_their_words() -> None:
    whole = status(a=broken(), b=running(), c=broken())
    found = fit(whole, (), UNLISTED, 200)
    assert found["clusters"] == [
        {"name": "a", "failedActions": [action("Upgrade", "")]},
        {"name": "b", "currentAction": action("Upgrade", "")},
        {"name": "c", "failedActions": [action("Upgrade", "")]},
    ]
    assert found["hidden"] is None
    assert len(found["conditions"]) == 1


@pytest.mark.parametrize("excess", range(1, 400))
def test_whatever_has_to_go_the_result_fits_and_adds_up(excess: int) -> None:
    clusters = {f"site_{n}": completed() for n in range(30)}
    whole = status(**clusters, z=running())
    found = fit(whole, (), UNLISTED, size(whole) - excess)
    assert size(found) <= size(whole) - excess
    assert len(found["clusters"]) + (found["hidden"] or 0) == 31


def test_a_fleet_that_no_object_can_hold() -> None:
    """20,000 clusters: completed ones go, and the status says so on any CRD."""
    members = [done(f"site-{n}", Action.PREP, note=LONG) for n in range(1, 19_901)]
    members += [failed(f"site-{n}", message=LONG) for n in range(19_901, 19_951)]
    members += [in_flight(f"site-{n}", LONG, n - 19_950) for n in range(19_951, 19_981)]
    members += [member(f"site-{n}") for n in range(19_981, 20_001)]
    book = book_of(rollout(), [step(max_concurrency=50, total=20_000)], members)
    old = "2025-12-31T00:00:00Z"
    before = Condition(type="ClustersListed", status="False", last_transition_time=old)
    served = frozenset({"summary", "hidden"})
    found = plain(status_of(book, PayloadState(), [before], served, NOW))
    assert size(found) <= LIMIT
    shown = set(names(found))
    assert {f"site-{n}" for n in range(19_901, 19_981)} <= shown
    assert found["hidden"] == 20_000 - len(shown)
    assert found["conditions"][0]["message"] == "Waiting for plan step 0 to be completed"
    told = found["conditions"][1]
    assert told["message"].startswith(f"{found['hidden']} clusters are not listed here")
    assert "REST API" in told["message"]
    assert told["lastTransitionTime"] == old
    talms = plain(status_of(book, PayloadState(), [], frozenset(), NOW))
    assert "hidden" not in talms
    assert talms["conditions"][1]["type"] == "ClustersListed"
