"""Whom a change of an IBGU is attributed to."""

import pytest
from msgspec.structs import replace

from ibgu.controller.loop.snapshots import actor_of
from ibgu.core.model.kinds import ManagedFields
from tests.core.engine.decide.builders import ibgu

KUBECTL = ManagedFields(manager="kubectl-client-side-apply", time="2026-11-28T11:52:46Z")
PAGE = ManagedFields(manager="ibgu-page:olga", time="2026-11-28T11:52:46Z")
STATUS = ManagedFields(manager="ibgu", subresource="status", time="2026-11-28T11:52:59Z")
LATER = "2026-11-28T11:52:47Z"


@pytest.mark.parametrize(
    ("fields", "actor"),
    [
        ([], "via the hub"),
        ([STATUS], "via the hub"),
        ([KUBECTL, STATUS], "via the hub (kubectl-client-side-apply)"),
        ([PAGE, KUBECTL], "via the hub (ibgu-page:olga)"),
        ([KUBECTL, PAGE], "via the hub (ibgu-page:olga)"),
        ([PAGE, replace(KUBECTL, time=LATER)], "via the hub (kubectl-client-side-apply)"),
        (
            [replace(KUBECTL, manager="kubectl-edit"), KUBECTL],
            "via the hub (kubectl-client-side-apply)",
        ),
    ],
)
def test_the_newest_change_counts_and_within_a_second_that_of_the_rest_api(
    fields: list[ManagedFields], actor: str
) -> None:
    found = ibgu("a", "Prep")
    assert (
        actor_of(replace(found, metadata=replace(found.metadata, managed_fields=fields))) == actor
    )
