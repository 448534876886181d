"""A rollout, a member and runs for the tests of the works."""

from datetime import UTC, datetime, timedelta
from typing import Any

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import (
    Member,
    MemberState,
    Probe,
    Reason,
    ReasonKind,
    Rollout,
    Run,
    RunState,
    WorkView,
)
from ibgu.core.model.kinds import IbuSpec, NameRef, ObjectRef, RolloutSpec, SeedImageRef
from tests.members import member_of
from tests.runs import run_of

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
SEED = SeedImageRef("registry/seed@sha256:aa", "4.17.2", NameRef("seed-pull-secret"))
IBU_SPEC = IbuSpec(SEED, oadp_content=[ObjectRef("oadp-cm", "openshift-adp")])
ROLLOUT = Rollout(
    uid="11111111-2222-3333-4444-555555555555",
    namespace="default",
    name="ran-417",
    created_at=NOW,
    spec=RolloutSpec(IBU_SPEC),
    annotations={"image-cleanup.lca.openshift.io/on-prep": "Disabled"},
)


def run(id_: str = "r1", state: RunState = RunState.ARMING, action: Action = Action.PREP) -> Run:
    return run_of(
        state,
        id=id_,
        action=action,
        attempt=2,
        intended_at=NOW - timedelta(seconds=1),
        arming_at=NOW,
    )


def probe(id_: str = "l1") -> Probe:
    return Probe(id_, NOW)


def member(run_: Run | None = None, look_: Probe | None = None) -> Member:
    return member_of(
        rollout=ROLLOUT.uid,
        step=0,
        cluster="site-1",
        uid="uid-1",
        position=0,
        state=MemberState.IN_FLIGHT if run_ else MemberState.WAITING,
        reason=Reason(ReasonKind.ARMING, NOW),
        run=run_,
        probe=look_,
    )


def view(**fields: Any) -> WorkView:
    shown = {"name": "w", "uid": "u", "resource_version": "77", "generation": 4, **fields}
    return WorkView(**shown)
