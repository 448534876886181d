"""The hops of an update over an intermediate release: which one a cluster needs, and what it
says."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.actions import UpdateAction
from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.cluster_version.feedback import VersionView
from ibgu.core.drivers.cluster_version.hops import asked_hop, next_hop
from ibgu.core.drivers.cluster_version.spec import problem_of_update, update_of
from ibgu.core.drivers.cluster_version.states import judge_update, verdict_on_update
from ibgu.core.engine.driver import Prerequisite, Verdict, VerdictKind
from ibgu.core.model import Cause, Rollout
from ibgu.core.model.kinds import Backup, IntermediateRelease
from tests.core.drivers.cluster_version.version_samples import (
    INTERMEDIATE,
    NEW,
    OLD,
    OTHER,
    VIA,
    conditions,
    pool,
    run,
    seen,
    with_update,
)

ROLLOUT = with_update(via=INTERMEDIATE, backup=Backup("Etcd", OTHER, max_age_minutes=90))
UPDATE = update_of(ROLLOUT)
FORMER = seen(desired_version="4.14.30", history_version="4.14.30")
TO_VIA: dict[str, Any] = {
    "desired_image": VIA,
    "desired_version": "4.15.20",
    "history_image": VIA,
    "history_version": "4.15.20",
    "wanted_image": VIA,
}
TO_NEW: dict[str, Any] = {
    "desired_image": NEW,
    "desired_version": "4.16.12",
    "history_image": NEW,
    "history_version": "4.16.12",
    "wanted_image": NEW,
}
WORKING = conditions(Progressing="True : Working towards 4.15.20: 1 of 9 done")
UNDER_WAY = seen(WORKING, history_state="Partial", **TO_VIA)
BETWEEN = seen(**TO_VIA)
FIRST, SECOND = "hop 1 of 2, to 4.15.20: ", "hop 2 of 2, to 4.16.12: "


def judged(view: VersionView, action: str = "Update", rollout: Rollout = ROLLOUT) -> Any:
    found = judge_update(view, UpdateAction(action), rollout)
    return str(found.kind), found.message or found.note


def verdict(view: VersionView, action: str = "Update") -> Verdict:
    return verdict_on_update(view, UpdateAction(action), ROLLOUT)


# -- which hop -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("view", "number"),
    [
        (FORMER, 1),
        (replace(FORMER, desired_version=""), 1),
        (replace(FORMER, **TO_VIA | {"history_image": OLD}), 1),
        (UNDER_WAY, 1),
        (replace(BETWEEN, pools=(pool(machines=3),)), 1),
        (replace(BETWEEN, conditions=conditions(Failing="True : flaps")), 1),
        (replace(BETWEEN, pools=(pool(), pool("worker", paused=True, current=False))), 2),
        (BETWEEN, 2),
        (replace(BETWEEN, history_image=VIA.replace("quay", "mirror")), 1),
        (replace(BETWEEN, desired_image=NEW), 2),
        (seen(**TO_NEW), 2),
        (replace(FORMER, desired_version="4.15.3"), 2),
        (replace(FORMER, desired_version="4.16.1"), 2),
    ],
)
def test_a_cluster_needs_the_intermediate_release_until_it_is_through_with_it(
    view: VersionView, number: int
) -> None:
    assert next_hop(view, UPDATE).number == number


def test_an_update_without_an_intermediate_release_has_one_hop() -> None:
    one = update_of(with_update())
    assert next_hop(FORMER, one).says("words") == "words"
    assert (asked_hop(FORMER, one).number, asked_hop(FORMER, one).of) == (1, 1)


def test_a_run_asks_for_the_release_of_its_hop() -> None:
    for view, image in ((FORMER, VIA), (UNDER_WAY, VIA), (BETWEEN, NEW)):
        *_, version = CLUSTER_VERSION.manifests(ROLLOUT, run("Update"), 1, view)
        assert isinstance(version, dict)
        assert version["spec"]["desiredUpdate"]["image"] == image
        assert version["metadata"]["annotations"]["ibgu.dev/image"] == image


def test_a_cluster_that_is_not_seen_is_asked_for_nothing() -> None:
    """The cluster may have the last release, and the intermediate one would be a way back."""
    *_, version = CLUSTER_VERSION.manifests(ROLLOUT, run("Update"), 1, None)
    assert isinstance(version, dict)
    assert "spec" not in version


def test_mirror_brings_the_signatures_of_both_releases() -> None:
    found = CLUSTER_VERSION.manifests(ROLLOUT, run("Mirror"), 1, FORMER)
    data = [each["binaryData"] for each in found if isinstance(each, dict) and "binaryData" in each]
    assert data == [
        {f"sha256-{'b' * 64}-1": "c2lnbmVk"},
        {f"sha256-{'d' * 64}-1": "dmlh"},
    ]


# -- before a hop ----------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["Check", "Mirror", "Update"])
def test_a_sound_cluster_may_begin_either_hop(action: str) -> None:
    assert judged(FORMER, action) == ("startable", "")
    assert judged(BETWEEN, action) == ("startable", "")


def test_a_cluster_in_its_first_hop_is_followed() -> None:
    assert judged(UNDER_WAY) == ("startable", "")
    assert verdict(UNDER_WAY, "Check").kind is VerdictKind.SUCCEEDED


def test_a_cluster_that_has_the_last_release_is_done() -> None:
    assert judged(seen(**TO_NEW)) == ("reached", "was already at 4.16.12")


ACK = "False AdminAckRequired: Kubernetes 1.29 removes APIs"


def test_each_hop_needs_the_acks_of_the_release_that_the_cluster_runs() -> None:
    """The acks of the other hop allow nothing here."""
    first, second = ("ack-4.14-kube-1.28-api-removals", "ack-4.15-kube-1.29-api-removals")
    forbids = conditions(Upgradeable=ACK)
    for acks, before, between in (
        ([first, second], "startable", "startable"),
        ([first], "startable", "busy"),
        ([second], "failed", "startable"),
        ([], "failed", "busy"),
    ):
        rollout = with_update(via=INTERMEDIATE, acks=acks)
        assert judged(replace(FORMER, conditions=forbids), rollout=rollout)[0] == before
        assert judged(replace(BETWEEN, conditions=forbids), rollout=rollout)[0] == between


def test_a_hindrance_names_the_hop() -> None:
    failing = conditions(Failing="True : etcd is down")
    words = "the cluster-version operator is failing: etcd is down; repair that first"
    assert judged(replace(FORMER, conditions=failing)) == ("failed", FIRST + words)
    assert judged(replace(BETWEEN, conditions=failing)) == ("busy", FIRST + words)
    paused = replace(BETWEEN, pools=(pool(), pool("worker", paused=True)))
    words = "the MachineConfigPool worker is paused: resume it first"
    assert judged(paused) == ("busy", SECOND + words)
    assert verdict(paused, "Check") == Verdict(
        VerdictKind.FAILED, Cause.CHECK_FAILED, SECOND + words
    )


def test_somebody_who_asks_for_either_release_asks_for_nothing_else() -> None:
    assert judged(replace(FORMER, wanted_image=NEW)) == ("startable", "")
    assert judged(replace(FORMER, wanted_image=VIA)) == ("startable", "")
    assert judged(replace(FORMER, wanted_image=OTHER))[0] == "failed"


# -- how a hop goes --------------------------------------------------------------------------------


def test_the_first_hop_ends_its_run_and_not_the_update() -> None:
    asked = replace(BETWEEN, asked_image=VIA)
    assert verdict(asked) == Verdict(
        VerdictKind.SUCCEEDED,
        message="hop 1 of 2, to 4.15.20, is complete",
        again=True,
    )
    rolling = replace(asked, pools=(pool(), pool("worker", machines=2, updated=1)))
    assert verdict(rolling).message == (
        FIRST + "waits for the MachineConfigPool worker: 1 of 2 nodes have its configuration"
    )
    assert verdict(replace(UNDER_WAY, asked_image=VIA)).message == (
        FIRST + "Working towards 4.15.20: 1 of 9 done"
    )


def test_the_second_hop_ends_the_update() -> None:
    assert verdict(seen(asked_image=NEW, **TO_NEW)) == Verdict(VerdictKind.SUCCEEDED)
    at_once = verdict(replace(BETWEEN, asked_image=NEW, wanted_image=NEW))
    assert (at_once.kind, at_once.message) == (
        VerdictKind.RUNNING,
        SECOND + "the cluster-version operator has not checked the release yet",
    )


# -- back ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("view", "found"),
    [
        (replace(FORMER, wanted_image=VIA), ("startable", "")),
        (FORMER, ("reached", "was not asked for 4.16.12 any more")),
        (
            UNDER_WAY,
            (
                "failed",
                "the update to 4.15.20 is under way, and can't be withdrawn any more; 4.16.12 was "
                "not asked for yet",
            ),
        ),
        (
            BETWEEN,
            (
                "reached",
                "was not asked for 4.16.12 any more, and runs the intermediate release 4.15.20",
            ),
        ),
        (replace(BETWEEN, wanted_image=NEW), ("startable", "")),
        (
            seen(**TO_NEW),
            ("failed", "the update to 4.16.12 is complete, and can't be withdrawn any more"),
        ),
    ],
)
def test_a_hop_is_withdrawn_until_it_has_begun(view: VersionView, found: tuple[str, str]) -> None:
    assert judged(view, "Retract") == found


def test_a_withdrawal_goes_back_to_the_release_before_its_hop() -> None:
    told = conditions(ReleaseAccepted=f'True PayloadLoaded: Payload loaded image="{VIA}"')
    back = replace(BETWEEN, conditions=told, asked_image=VIA)
    assert verdict(back, "Retract").kind is VerdictKind.SUCCEEDED
    for view in (replace(UNDER_WAY, asked_image=OLD), seen(asked_image=VIA, **TO_NEW)):
        late = verdict(view, "Retract")
        assert late.cause is Cause.RETRACT_FAILED
    *_, version = CLUSTER_VERSION.manifests(
        ROLLOUT, run("Retract"), 1, replace(BETWEEN, wanted_image=NEW)
    )
    assert isinstance(version, dict)
    assert version["spec"]["desiredUpdate"] == {"version": "4.15.20", "image": VIA, "force": False}


# -- backups ---------------------------------------------------------------------------------------


def test_one_backup_serves_both_hops() -> None:
    """Between them, its age counts at the beginning: the first hop takes hours."""
    within = timedelta(minutes=90)
    for view, needed in (
        (FORMER, Prerequisite("Backup", within)),
        (UNDER_WAY, None),
        (BETWEEN, Prerequisite("Backup", within, from_first_run=True)),
        (seen(**TO_NEW), None),
    ):
        assert CLUSTER_VERSION.prerequisite(view, "Update", ROLLOUT) == needed


def test_no_backup_is_made_in_a_hop() -> None:
    """One that was begun before is waited for: the cluster then has a release to go back to."""
    found = CLUSTER_VERSION.judge(UNDER_WAY, "Backup", ROLLOUT)
    assert (found.kind, found.message) == ("busy", "hop 1 of 2, to 4.15.20, is under way")
    assert CLUSTER_VERSION.judge(BETWEEN, "Backup", ROLLOUT).kind == "startable"
    assert CLUSTER_VERSION.judge(seen(**TO_NEW), "Backup", ROLLOUT).kind == "reached"


# -- the spec --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": ""}, "spec.update.via.version (none) is not of the minor release before 4.16"),
        ({"version": "4.14.1"}, "spec.update.via.version 4.14.1 is not of the minor release"),
        ({"version": "4.16.1"}, "spec.update.via.version 4.16.1 is not of the minor release"),
        ({"version": "3.15.1"}, "spec.update.via.version 3.15.1 is not of the minor release"),
        ({"image": ""}, "spec.update.via.image (none) is not an image by sha256 digest"),
        ({"image": "a:4.15"}, "spec.update.via.image a:4.15 is not an image by sha256 digest"),
        (
            {"image": NEW.replace("quay", "mirror")},
            "spec.update.via.image is that of spec.update.release; spec.update can't be changed",
        ),
        ({"signatures": ["?"]}, "spec.update.via.signatures[0] is not base64"),
    ],
)
def test_an_intermediate_release_that_leads_nowhere_is_refused(
    changes: dict[str, Any], words: str
) -> None:
    via: IntermediateRelease = replace(INTERMEDIATE, **changes)
    assert (problem_of_update(update_of(with_update(via=via))) or "").startswith(words)
    assert problem_of_update(UPDATE) is None
