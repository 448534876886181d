"""A status fits into one object: what is cut first, and what is hidden last (R27.4)."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Member, Reason, ReasonKind
from ibgu.core.model.kinds import Condition
from ibgu.core.views.status import OPTIONAL_FIELDS, status_of
from ibgu.core.views.status import size as module
from ibgu.core.views.status.entries import MAX_OUTCOME
from ibgu.core.views.status.listing import SHORT, StatusListing, item
from ibgu.core.views.status.size import LIMIT
from tests.core.engine.state.records import (
    NOW,
    book_of,
    done,
    failed,
    in_flight,
    member,
    rollout,
    step,
)
from tests.core.views.status.listed import plain

LONG = "x" * 200
UNLISTED = {"type": "ClustersListed", "status": "False", "message": "{} are not listed"}


def size(status: Any) -> int:
    return len(json.encode(status))


def fit(status: Any, last: Any, unlisted: Any, limit: int) -> Any:
    listing = StatusListing()
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


def test_a_status_that_fits_is_unchanged() -> None:
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


def test_clusters_of_earlier_steps_are_hidden_first() -> None:
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


def test_finished_clusters_of_the_newest_step_are_hidden_second() -> None:
    clusters = {f"site_{n}": completed() for n in range(20)}
    whole = status(**clusters, a=broken(), b=running(), c={})
    last = {f"site-{n}" for n in range(20)} | {"c"}
    found = fit(whole, last, UNLISTED, size(whole) - 600)
    assert {"a", "b"} <= set(names(found))
    assert 0 < found["hidden"] < 20


def test_a_status_that_is_still_too_long_drops_all_messages() -> None:
    whole = status(a=broken(), b=running(), c=broken(), d={})
    bare = [
        {"name": "a", "failedActions": [action("Upgrade", "")]},
        {"name": "b", "currentAction": action("Upgrade", "")},
        {"name": "c", "failedActions": [action("Upgrade", "")]},
        {"name": "d"},
    ]
    found = fit(whole, (), UNLISTED, size({**whole, "clusters": bare}))
    assert found["clusters"] == bare
    assert found["hidden"] is None
    assert len(found["conditions"]) == 1


def _crowd() -> dict[str, Any]:
    """Ten of each kind, mixed."""
    found: dict[str, Any] = {}
    for n in range(10):
        found |= {f"q_{n}": completed(), f"r_{n}": running(), f"f_{n}": broken()}
    return status(**found)


def _bare_limit(clusters: str, each: int) -> int:
    """Returns the room for so many clusters of these kinds without messages, and for the note that
    others are hidden."""
    whole = _crowd()
    kept = [e for e in whole["clusters"] if e["name"][0] in clusters and int(e["name"][2:]) < each]
    for entry in kept:
        for told in (*entry.get("failedActions", ()), entry.get("currentAction", {})):
            told.pop("message", None)
    whole["clusters"] = kept
    return size(whole) + size(UNLISTED) + module.NUMBERS


@pytest.mark.parametrize(
    ("limit", "shown", "words"),
    [
        (_bare_limit("fr", 10), {"f": 10, "r": 10}, "10 clusters"),
        (_bare_limit("fr", 10) - 1, {"f": 10, "r": 9}, "11 clusters (1 running)"),
        (_bare_limit("f", 10), {"f": 10}, "20 clusters (10 running)"),
        (_bare_limit("f", 10) - 1, {"f": 9}, "21 clusters (1 failed, 10 running)"),
        (_bare_limit("", 0) - 1, {}, "30 clusters (10 failed, 10 running)"),
    ],
)
def test_running_clusters_are_hidden_before_failed_ones(
    limit: int, shown: dict[str, int], words: str
) -> None:
    found = fit(_crowd(), (), UNLISTED, limit)
    assert Counter(name[0] for name in names(found)) == shown
    assert found["conditions"][1]["message"] == f"{words} are not listed"
    assert found["hidden"] == 30 - len(found["clusters"])
    assert size(found) <= limit


def test_failures_of_earlier_steps_are_hidden_before_those_of_the_newest() -> None:
    last = {f"f-{n}" for n in range(5)}
    found = fit(_crowd(), last, UNLISTED, _bare_limit("f", 5))
    assert set(names(found)) == last


TEXTS = st.text(max_size=120) | st.sampled_from(["", LONG, "\x00" * 150, "€" * 150])
KINDS: dict[str, Callable[[str], dict[str, Any]]] = {
    "quiet": lambda words: {"completedActions": [action("Prep", words)]},
    "running": lambda words: {"currentAction": action("Upgrade", words)},
    "failed": lambda words: {"failedActions": [action("Upgrade", words)]},
}
MIXES = st.lists(st.tuples(st.sampled_from(sorted(KINDS)), TEXTS, st.booleans()), max_size=40)


@given(MIXES, st.floats(0, 1))
def test_any_mix_fits_and_the_worst_is_hidden_last(mix: list[Any], share: float) -> None:
    whole = status(**{f"site_{n}": KINDS[kind](words) for n, (kind, words, _) in enumerate(mix)})
    last = {f"site-{n}" for n, (_, _, newest) in enumerate(mix) if newest}
    least = size({**whole, "clusters": []}) + size(UNLISTED) + module.NUMBERS
    limit = least + round(share * size(whole["clusters"]))
    found = fit(whole, last, UNLISTED, limit)
    assert size(found) <= limit
    shown = set(names(found))
    assert len(shown) + (found["hidden"] or 0) == len(mix)
    worth = {
        f"site-{n}": (list(KINDS).index(kind), newest) for n, (kind, _, newest) in enumerate(mix)
    }
    hidden = worth.keys() - shown
    assert max((worth[n] for n in hidden), default=(0, False)) <= min(
        (worth[n] for n in shown), default=(3, True)
    )


@pytest.mark.parametrize("excess", range(1, 400))
def test_a_reduced_status_fits_and_its_counts_add_up(excess: int) -> None:
    clusters = {f"site_{n}": completed() for n in range(30)}
    whole = status(**clusters, z=running())
    found = fit(whole, (), UNLISTED, size(whole) - excess)
    assert size(found) <= size(whole) - excess
    assert len(found["clusters"]) + (found["hidden"] or 0) == 31


@pytest.mark.slow("every-point")
def test_a_fleet_that_no_object_can_hold() -> None:
    """20,000 clusters: completed ones go, and the status says so on any CRD."""
    members = [done(f"site-{n}", Action.PREP, note=LONG) for n in range(1, 19_901)]
    members += [failed(f"site-{n}", message=LONG) for n in range(19_901, 19_951)]
    members += [in_flight(f"site-{n}", LONG, n - 19_950) for n in range(19_951, 19_981)]
    members += [member(f"site-{n}") for n in range(19_981, 20_001)]
    tracked = book_of(rollout(), [step(max_concurrency=50, total=20_000)], members)
    old = "2025-12-31T00:00:00Z"
    before = Condition(type="ClustersListed", status="False", last_transition_time=old)
    served = frozenset({"summary", "hidden"})
    found = plain(status_of(tracked, PayloadState(), [before], served, NOW))
    assert size(found) <= LIMIT
    shown = set(names(found))
    assert {f"site-{n}" for n in range(19_901, 19_981)} <= shown
    assert found["hidden"] == 20_000 - len(shown)
    assert found["conditions"][0]["message"] == "Waiting for plan step 0 to be completed"
    told = found["conditions"][1]
    assert told["message"].startswith(f"{found['hidden']} clusters are not listed here")
    assert "REST API" in told["message"]
    assert told["lastTransitionTime"] == old
    talms = plain(status_of(tracked, PayloadState(), [], frozenset(), NOW))
    assert "hidden" not in talms
    assert talms["conditions"][1]["type"] == "ClustersListed"


def _mixed(n: int) -> list[Member]:
    name, words = f"site-{n}", f"{n} \x00" * 60
    match n % 4:
        case 0:
            return [done(name, Action.PREP), failed(name, message=words, step=1)]
        case 1:
            return [done(name, Action.PREP), in_flight(name, words, slot=n, step=1)]
        case 2:
            return [done(name, Action.PREP), member(name, step=1)]
    return [failed(name, Action.PREP, message=words)]


@pytest.mark.slow("every-point")
@pytest.mark.parametrize(
    "members",
    [
        lambda n: [done(f"site-{n}", Action.PREP), failed(f"site-{n}", message=LONG, step=1)],
        lambda n: [done(f"site-{n}", Action.PREP), in_flight(f"site-{n}", LONG, slot=n, step=1)],
        _mixed,
    ],
    ids=["all-failed", "all-running", "mixed"],
)
def test_no_fleet_is_too_large(members: Callable[[int], list[Member]]) -> None:
    """Even where every condition says as much as one may."""
    hold = Reason(ReasonKind.INVALID_PLAN, NOW, "\x00" * 40_000)
    found = [each for n in range(1, 20_001) for each in members(n)]
    steps = [step(), step("Upgrade", 1, max_concurrency=20_000)]
    tracked = book_of(rollout(hold=hold), steps, found)
    payload = PayloadState(warnings=("\x00" * 40_000,))
    encoded = json.encode(status_of(tracked, payload, [], OPTIONAL_FIELDS, NOW))
    assert len(encoded) <= LIMIT
    shown = json.decode(encoded)
    assert len(shown["clusters"]) + shown["hidden"] == 20_000
    assert len(encoded) > LIMIT - 1000


def test_one_cluster_with_long_messages_takes_no_room_from_the_others() -> None:
    members = [failed(f"site-{n}", message="x" * 10**6) for n in range(1, 4)]
    found = plain(
        status_of(book_of(rollout(), [step()], members), PayloadState(), [], OPTIONAL_FIELDS, NOW)
    )
    for entry in found["clusters"]:
        assert len(entry["failedActions"][0]["message"]) == MAX_OUTCOME
