"""The runs that may be refreshed."""

from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.refresh import Eligibility, eligibility, eligibility_if_silent
from ibgu.core.model import ClusterView, Member, Observation, RunState, WorkView
from tests.core.engine.state.records import MINUTE, NOW, in_flight, run

OPEN, CLOSED, OVER = Eligibility.OPEN, Eligibility.CLOSED, Eligibility.OVER


def flying(state: RunState = RunState.ACCEPTED, **changes: Any) -> Member:
    return in_flight(run=run(state=state), **{"limit": NOW + MINUTE, **changes})


def seen(
    cluster: dict[str, Any] | None = None, work: dict[str, Any] | None = None, **changes: Any
) -> Observation:
    fields: dict[str, Any] = {
        "name": "site-1",
        "uid": "uid-site-1",
        "accepted": True,
        "deleting": False,
        "reachable": True,
        "local": False,
        **(cluster or {}),
    }
    bare: dict[str, Any] = {"name": "w", "uid": "uid-w", "resource_version": "7", "generation": 3}
    shown: dict[str, Any] = {
        "cluster": ClusterView(**fields),
        "stage": WorkView(**bare, **(work or {})),
        **changes,
    }
    return Observation(**shown)


@pytest.mark.parametrize(
    ("member", "what", "expected"),
    [
        (flying(), seen(), OPEN),
        (flying(limit=None), seen(), OPEN),
        (None, seen(), OVER),
        (in_flight(run=None), seen(), OVER),
        (in_flight(run=run(id="another", state=RunState.ACCEPTED)), seen(), OVER),
        (flying(RunState.ARMED), seen(), OVER),
        (flying(RunState.ENDED), seen(), OVER),
        (flying(limit=NOW - MINUTE), seen(), OPEN),
        (flying(), seen(cluster={"reachable": False}), CLOSED),
        (flying(), seen(cluster={"uid": "re-created"}), CLOSED),
        (flying(), Observation(cluster=None), CLOSED),
        (flying(), seen(stage=None), CLOSED),
        (flying(), seen(work={"terminating": True}), CLOSED),
        (flying(), seen(work={"edited": True}), CLOSED),
        (flying(), seen(work={"armed": True}), CLOSED),
        (flying(), seen(writing=True), CLOSED),
        (flying(), seen(denied="not allowed"), CLOSED),
    ],
    ids=[
        "taken",
        "without a limit",
        "not a member",
        "no run",
        "another run",
        "not taken yet",
        "ended",
        "past its limit",
        "dark",
        "re-created",
        "gone",
        "no work",
        "terminating",
        "edited",
        "about to be disarmed",
        "being written",
        "denied",
    ],
)
def test_eligibility_of_runs_in_flight(
    member: Member | None, what: Observation, expected: Eligibility
) -> None:
    assert eligibility(member, "run-1", what) is expected


SILENT = {"target_applied": True, "target_available": "Unknown"}


def rebooting(action: Action = Action.UPGRADE, **changes: Any) -> Member:
    return in_flight(
        run=run(state=RunState.ACCEPTED, action=action), **{"limit": NOW + MINUTE, **changes}
    )


@pytest.mark.parametrize(
    ("member", "what", "expected"),
    [
        (rebooting(), seen(work=SILENT), OPEN),
        (rebooting(Action.ROLLBACK), seen(work=SILENT | {"target_available": "False"}), OPEN),
        (rebooting(), seen(work=SILENT | {"target_available": "True"}), CLOSED),
        (rebooting(), seen(work=SILENT | {"target_available": ""}), CLOSED),
        (rebooting(), seen(work=SILENT | {"target_applied": False}), CLOSED),
        (rebooting(), seen(work=SILENT | {"armed": True}), CLOSED),
        (rebooting(), seen(cluster={"reachable": False}, work=SILENT), CLOSED),
        (rebooting(limit=NOW), seen(work=SILENT), OPEN),
        (rebooting(Action.PREP), seen(work=SILENT), OVER),
        (in_flight(run=None), seen(work=SILENT), OVER),
        (None, seen(work=SILENT), OVER),
    ],
    ids=[
        "not readable",
        "not there",
        "read",
        "not read yet",
        "about to be applied again",
        "about to be disarmed",
        "dark",
        "past its limit",
        "no reboot",
        "no run",
        "not a member",
    ],
)
def test_eligibility_of_silent_agents(
    member: Member | None, what: Observation, expected: Eligibility
) -> None:
    assert eligibility_if_silent(member, "run-1", what) is expected
