"""The state of a cluster's update, by the words of its cluster-version operator."""

from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.actions import UpdateAction
from ibgu.core.drivers.cluster_version.feedback import VersionView
from ibgu.core.drivers.cluster_version.pools import HealthCheckView
from ibgu.core.drivers.cluster_version.states import (
    GRACE,
    judge_update,
    out_of_update,
    verdict_on_update,
)
from ibgu.core.drivers.cluster_version.values import ClusterCondition
from ibgu.core.engine.driver import JudgementKind, Verdict, VerdictKind
from ibgu.core.model import Cause
from ibgu.core.model.kinds import Release
from tests.core.drivers.cluster_version.version_samples import (
    NEW,
    OLD,
    OTHER,
    ROLLOUT,
    conditions,
    pool,
    seen,
    with_update,
)

UNVERIFIED = (
    f'Retrieving payload failed version="4.16.12" image="{NEW}" failure=The update cannot be '
    "verified: unable to verify sha256:bbb against keyrings: verifier-public-key-redhat"
)
PROGRESS = "Working towards 4.16.12: 106 of 903 done (11% complete), waiting on etcd"
STARTED = seen(
    conditions(Progressing=f"True : {PROGRESS}"),
    stage="Update",
    wanted_image=NEW,
    desired_image=NEW,
    desired_version="4.16.12",
    history_state="Partial",
    history_image=NEW,
    history_version="4.16.12",
)
DONE = replace(
    STARTED,
    history_state="Completed",
    conditions=conditions(Progressing="False : Cluster version is 4.16.12"),
)
ASKED = seen(stage="Update", wanted_image=NEW)


def judged(view: VersionView, action: str = "Update", **changes: Any) -> tuple[str, str]:
    found = judge_update(view, UpdateAction(action), with_update(**changes))
    assert (found.cause is Cause.WRONG_STATE) is (found.kind is JudgementKind.FAILED)
    return str(found.kind), found.message or found.note


def verdict(view: VersionView, action: str = "Update") -> Verdict:
    return verdict_on_update(view, UpdateAction(action), ROLLOUT)


# -- before --------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["Check", "Mirror", "Update"])
def test_a_sound_cluster_can_be_checked_mirrored_and_updated(action: str) -> None:
    assert judged(seen(), action) == ("startable", "")


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (seen(conditions(Invalid="True : no version")), "the ClusterVersion is invalid: no"),
        (seen(conditions(Failing="True : etcd is down")), "operator is failing: etcd is down"),
        (seen(conditions(Failing="Unknown SlowClusterOperator: slow")), "is failing: slow"),
        (seen(conditions(Available="False : no")), "is not available: no; repair"),
        (seen({}), "is not available: it has no release yet"),
        (seen(wanted_image=OTHER), f"somebody has asked for {OTHER}, which the cluster has not"),
        (seen(desired_version=""), "the cluster's release is not known: (none)"),
        (seen(desired_version="4.16.13"), "4.16.12 is older than the cluster's 4.16.13"),
        (seen(desired_version="4.14.9"), "from 4.14.9 to 4.16.12 is more than one minor release"),
        (seen(desired_version="3.16.9"), "more than one minor release"),
        (
            seen(
                conditions(Upgradeable="False AdminAckRequired: Kubernetes 1.29 removes APIs"),
                desired_version="4.15.9",
            ),
            "does not allow another minor release (AdminAckRequired): Kubernetes 1.29 removes",
        ),
        (seen(pools=(pool(paused=True),)), "the MachineConfigPool master is paused"),
        (seen(pools=(pool(degraded="node a"),)), "MachineConfigPool master is degraded: node a"),
        (
            seen(operators={"etcd": ClusterCondition("True", "", "no quorum")}),
            "the cluster operator etcd is degraded: no quorum",
        ),
    ],
)
def test_an_update_does_not_begin_in_a_state_that_is_not_sound(
    view: VersionView, words: str
) -> None:
    kind, message = judged(view)
    assert kind == "failed"
    assert words in message
    checked = verdict(view, "Check")
    assert (checked.kind, checked.cause) == (VerdictKind.FAILED, Cause.CHECK_FAILED)
    assert words in checked.message
    assert not checked.grace


def test_an_ack_of_a_person_allows_the_next_minor_release() -> None:
    told = conditions(Upgradeable="False AdminAckRequired: Kubernetes 1.29 removes APIs")
    minor = seen(told, desired_version="4.15.9")
    assert judged(minor, acks=["ack-4.15-kube-1.29-api-removals"]) == ("startable", "")
    broken = seen(conditions(Upgradeable="False DegradedPool: x"), desired_version="4.15.9")
    assert judged(broken, acks=["ack-4.15-kube-1.29-api-removals"])[0] == "failed"


def test_upgradeable_does_not_matter_within_a_minor_release() -> None:
    assert judged(seen(conditions(Upgradeable="False AdminAckRequired: x")))[0] == "startable"


def test_the_next_minor_release_is_allowed_and_one_that_is_not_known_is_no_pool() -> None:
    assert judged(seen(desired_version="4.15.9"))[0] == "startable"
    assert judged(seen(pools=(pool("worker", known=False, current=False),)))[0] == "startable"


def test_a_release_that_is_no_version_is_refused() -> None:
    assert judged(seen(), release=Release("4.16", NEW))[0] == "failed"


@pytest.mark.parametrize("action", ["Check", "Mirror", "Update"])
@pytest.mark.parametrize(
    ("view", "words"),
    [
        (
            replace(STARTED, history_image=OTHER, history_version="4.16.9", desired_image=OTHER),
            f"an update to 4.16.9 is under way: {PROGRESS}",
        ),
        (
            seen(conditions(Progressing="True : reconciling")),
            "the cluster-version operator is at work: reconciling",
        ),
        (
            seen(pools=(pool(machines=3),)),
            "waits for the MachineConfigPool master: 1 of 3 nodes have its configuration",
        ),
        (
            seen(pools=(pool(known=False, current=False),)),
            "the cluster does not report the MachineConfigPool master yet",
        ),
    ],
)
def test_an_action_waits_for_what_goes_on_in_the_cluster(
    view: VersionView, words: str, action: str
) -> None:
    """Nodes take new mirrors for minutes: an Update right after them must not fail."""
    assert judged(view, action) == ("busy", words)
    checked = verdict(view, "Check")
    assert (checked.kind, checked.message) == (VerdictKind.RUNNING, words)


def test_a_release_that_is_there_is_reached_and_one_under_way_is_followed() -> None:
    assert judged(DONE) == ("reached", "was already at 4.16.12")
    assert judged(STARTED) == ("startable", "")
    assert judged(replace(DONE, pools=(pool(machines=3),))) == ("startable", "")
    assert verdict(STARTED, "Check").kind is VerdictKind.SUCCEEDED


def test_the_same_release_from_another_registry_is_reached_too() -> None:
    elsewhere = NEW.replace("quay.example", "mirror.example")
    there = replace(DONE, wanted_image="", desired_image=elsewhere, history_image=elsewhere)
    assert judged(there) == ("reached", "was already at 4.16.12")
    assert judged(replace(there, wanted_image=OTHER))[0] == "failed"


def test_a_cluster_that_fails_at_the_release_is_not_updated_to_it() -> None:
    failing = replace(DONE, conditions=conditions(Failing="True : etcd is down"))
    assert judged(failing)[0] == "failed"
    assert verdict(failing, "Check").kind is VerdictKind.FAILED


def test_a_sound_cluster_passes_the_check() -> None:
    assert verdict(seen(), "Check").kind is VerdictKind.SUCCEEDED


# -- mirrors -------------------------------------------------------------------------------------


def test_mirrors_are_there_once_the_pools_are_settled() -> None:
    there = verdict(seen(), "Mirror")
    assert there.kind is VerdictKind.SUCCEEDED
    assert there.earliest, "the pools show their former state at first"
    signature = verdict_on_update(seen(), UpdateAction.MIRROR, with_update(mirrors=[]))
    assert signature == Verdict(VerdictKind.SUCCEEDED)
    waiting = verdict(seen(pools=(pool("worker", current=False, machines=2),)), "Mirror")
    assert waiting.kind is VerdictKind.RUNNING
    assert waiting.message == (
        "waits for the MachineConfigPool worker: 1 of 2 nodes have its configuration"
    )


def test_a_degraded_pool_fails_the_mirrors_after_a_grace() -> None:
    found = verdict(seen(pools=(pool(degraded="node a"),)), "Mirror")
    assert (found.kind, found.cause) == (VerdictKind.FAILED, Cause.MIRROR_FAILED)
    assert found.message == "the MachineConfigPool master is degraded: node a"
    assert found.grace > GRACE


# -- the update ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (ASKED, "has not checked the release yet"),
        (
            replace(
                ASKED,
                conditions=conditions(
                    ReleaseAccepted="Unknown RetrievePayload: Retrieving and verifying payload "
                    f'version="4.16.12" image="{NEW}"'
                ),
            ),
            "Retrieving and verifying payload",
        ),
        (STARTED, PROGRESS),
        (
            replace(STARTED, conditions=conditions(Failing="True : Unable to apply 4.16.12: x")),
            "stalled: Unable to apply 4.16.12: x",
        ),
        (
            replace(STARTED, conditions=conditions(Failing="Unknown SlowClusterOperator: slow")),
            "stalled: slow",
        ),
        (
            replace(DONE, pools=(pool(), pool("worker", machines=3))),
            "waits for the MachineConfigPool worker: 1 of 3 nodes have its configuration",
        ),
        (
            replace(DONE, pools=(pool(degraded="failed to drain node: a"),)),
            "stalled: the MachineConfigPool master is degraded: failed to drain node: a",
        ),
        (replace(DONE, conditions=conditions(Progressing="True : x")), "x"),
    ],
)
def test_an_update_is_under_way(view: VersionView, words: str) -> None:
    found = verdict(view)
    assert found.kind is VerdictKind.RUNNING
    assert words in found.message


def test_the_next_attempt_at_a_refused_release_is_no_end_of_the_refusal() -> None:
    """The operator says so for up to four minutes, every few minutes."""
    told = f'Unknown RetrievePayload: Retrieving and verifying payload image="{NEW}"'
    found = verdict(replace(ASKED, conditions=conditions(ReleaseAccepted=told)))
    assert found.undecided
    accepted = conditions(ReleaseAccepted=f'True PayloadLoaded: Payload loaded image="{NEW}"')
    assert not verdict(replace(ASKED, conditions=accepted)).undecided


def test_an_update_without_news_of_the_masters_is_not_over() -> None:
    unknown = replace(DONE, pools=(pool(known=False, current=False), pool("worker", known=False)))
    found = verdict(unknown)
    assert found.kind is VerdictKind.RUNNING
    assert "does not report the MachineConfigPool master" in found.message
    no_workers = replace(DONE, pools=(pool(), pool("worker", known=False, current=False)))
    assert verdict(no_workers).kind is VerdictKind.SUCCEEDED


def test_an_update_is_over_with_its_last_node() -> None:
    assert verdict(DONE).kind is VerdictKind.SUCCEEDED
    canary = replace(DONE, pools=(pool(), pool("worker", machines=3, paused=True)))
    assert verdict(canary).kind is VerdictKind.SUCCEEDED


def test_a_completed_release_of_another_image_is_not_ours() -> None:
    assert verdict(replace(DONE, history_image=OTHER)).kind is VerdictKind.RUNNING


def test_a_refusal_stands_for_ten_minutes_before_it_counts() -> None:
    told = conditions(ReleaseAccepted=f"False RetrievePayload: {UNVERIFIED}")
    found = verdict(replace(ASKED, conditions=told))
    assert found == Verdict(VerdictKind.FAILED, Cause.UPDATE_REFUSED, UNVERIFIED, GRACE)


def test_a_refusal_of_another_image_says_nothing_of_this_one() -> None:
    told = conditions(ReleaseAccepted=f'False RetrievePayload: failed image="{OTHER}"')
    assert verdict(replace(ASKED, conditions=told)).kind is VerdictKind.RUNNING


def test_an_invalid_request_is_a_refusal() -> None:
    found = verdict(replace(ASKED, conditions=conditions(Invalid="True : no such version")))
    assert (found.cause, found.message) == (Cause.UPDATE_REFUSED, "no such version")
    assert found.grace == GRACE


# -- the way back --------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["Retract", "RetractOnFailure"])
def test_a_request_can_be_withdrawn_until_the_update_begins(action: str) -> None:
    assert judged(ASKED, action) == ("startable", "")
    assert judged(seen(), action) == ("reached", "was not asked for 4.16.12 any more")
    assert judged(STARTED, action) == (
        "failed",
        "the update to 4.16.12 is under way, and can't be withdrawn any more",
    )
    assert "is complete" in judged(DONE, action)[1]


def test_a_request_that_the_operator_has_just_taken_can_not_be_withdrawn() -> None:
    """The history follows a moment later; to ask for the former release now would turn it back."""
    taken = replace(ASKED, desired_image=NEW, desired_version="4.16.12", history_state="Partial")
    assert "is under way" in judged(taken, "Retract")[1]
    assert verdict(taken, "Retract").cause is Cause.RETRACT_FAILED


def test_a_request_that_the_cluster_has_accepted_is_not_withdrawn_any_more() -> None:
    """The update begins any moment: asked for the former release, it would turn back midway."""
    loaded = f'True PayloadLoaded: Payload loaded version="4.16.12" image="{NEW}"'
    accepted = replace(ASKED, conditions=conditions(ReleaseAccepted=loaded))
    assert judged(accepted, "Retract") == (
        "busy",
        "the cluster has accepted the release: the update to 4.16.12 begins any moment",
    )
    other = replace(ASKED, conditions=conditions(ReleaseAccepted=loaded.replace(NEW, OLD)))
    assert judged(other, "Retract") == ("startable", "")


def test_a_withdrawal_waits_for_the_release_to_go_back_to() -> None:
    assert judged(replace(ASKED, desired_version=""), "Retract") == (
        "busy",
        "the cluster does not report its release, to which the request goes back",
    )


def test_a_cluster_that_turns_back_is_not_done() -> None:
    back = replace(seen(wanted_image=OLD), history_state="Partial")
    assert verdict(back, "Retract").kind is VerdictKind.RUNNING


def test_a_request_is_withdrawn_once_the_operator_takes_the_running_release() -> None:
    asked_back = seen(
        conditions(ReleaseAccepted=f"False RetrievePayload: {UNVERIFIED}"),
        stage="Retract",
        wanted_image=OLD,
    )
    waiting = verdict(asked_back, "Retract")
    assert (waiting.kind, waiting.message) == (VerdictKind.RUNNING, UNVERIFIED)
    back = replace(asked_back, conditions=conditions())
    assert verdict(back, "RetractOnFailure").kind is VerdictKind.SUCCEEDED
    silent = replace(asked_back, conditions={})
    assert "has not checked it yet" in verdict(silent, "Retract").message


def test_an_update_that_began_meanwhile_fails_the_withdrawal() -> None:
    found = verdict(STARTED, "Retract")
    assert (found.kind, found.cause) == (VerdictKind.FAILED, Cause.RETRACT_FAILED)
    assert found.message.startswith("the update began in the moment of its withdrawal, and goes on")


def test_a_cluster_is_out_of_the_update_when_nothing_progresses() -> None:
    assert not out_of_update(STARTED)
    assert out_of_update(DONE)
    assert not out_of_update(replace(DONE, conditions=conditions(Progressing="True : x")))


@pytest.mark.parametrize(
    ("view", "out"),
    [
        (seen(), True),
        (STARTED, False),
        (ASKED, False),
        (
            replace(ASKED, conditions=conditions(ReleaseAccepted=f"False R: no {NEW}")),
            True,
        ),
        (replace(ASKED, conditions=conditions(Invalid="True : malformed")), True),
    ],
)
def test_an_update_that_was_asked_for_goes_on_unless_it_is_refused(
    view: VersionView, out: bool
) -> None:
    assert out_of_update(view) is out


def test_a_health_check_that_a_person_has_paused_keeps_an_update_from_beginning() -> None:
    paused = HealthCheckView(name="openshift-machine-api/worker", paused=True)
    found = judged(seen(health_checks=(paused,)))
    assert found == (
        "failed",
        "the MachineHealthCheck openshift-machine-api/worker is paused: resume it first",
    )
