"""Newer rollouts that have clusters of a rollout."""

from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.api.changes.other_rollouts import has_taken
from ibgu.core.model import Outcome
from ibgu.db.reads.later import LaterMembership
from tests.api.fleet import spec
from tests.db.records import NOW, rollout


def later(outcome: Outcome | None, **more: Any) -> LaterMembership:
    of = replace(rollout("later"), spec=spec(), deleted_at=more.pop("deleted_at", None))
    return LaterMembership(of, step=0, outcome=outcome, **({"acted": True} | more))


@pytest.mark.parametrize(
    ("taken", "found"),
    [
        (later(None), True),
        (later(Outcome.FAILED), True),
        (later(None, deleted_at=NOW), True),
        (later(Outcome.SUCCEEDED, deleted_at=NOW), False),
        (later(None, acted=False), False),
        (later(Outcome.FAILED, acted=False), False),
        (later(Outcome.CANCELLED, acted=False), False),
    ],
)
def test_a_rollout_has_the_clusters_on_which_it_has_acted(
    taken: LaterMembership, found: bool
) -> None:
    assert has_taken(taken) is found
