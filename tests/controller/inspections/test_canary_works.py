"""Canaries are read by turns where there are more than can be at once."""

import pytest
from msgspec import Struct

from ibgu.controller.inspections import canary_works
from ibgu.controller.inspections.canary_works import read_at_once
from ibgu.core.engine.state.health_observations import ObservedCheck
from ibgu.core.model import ClusterView
from tests.core.recover.objects import cluster


class Wanted(Struct, frozen=True):
    rollout: str
    cluster: ClusterView
    checks: frozenset[ObservedCheck] = frozenset()


def wanted(**rollouts: int) -> dict[str, Wanted]:
    """So many canaries of each rollout, named after it."""
    names = {f"{uid}-{n}": uid for uid, count in rollouts.items() for n in range(count)}
    return {name: Wanted(uid, cluster(name)) for name, uid in names.items()}


@pytest.fixture(autouse=True)
def four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary_works, "MAX_CLUSTERS", 4)


def namespace(rollout: str) -> str:
    return rollout[0]


def test_all_are_read_while_there_is_room() -> None:
    assert read_at_once(wanted(a1=2, b1=2), (), namespace) == {"a1-0", "a1-1", "b1-0", "b1-1"}


def test_namespaces_take_turns_for_the_places() -> None:
    """a has two rollouts, and gets no more by that."""
    found = read_at_once(wanted(a1=5, a2=5, b1=1, c1=9), (), namespace)
    assert found == {"a1-0", "b1-0", "c1-0", "a1-1"}


def test_a_canary_that_is_read_keeps_its_place_within_its_namespace() -> None:
    read = ("a1-4", "a1-3", "a1-2", "a1-1")
    assert read_at_once(wanted(a1=5), read, namespace) == set(read)
    assert read_at_once(wanted(a1=5, b1=1), read, namespace) == {"a1-1", "a1-2", "a1-3", "b1-0"}
