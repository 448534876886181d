"""The driver's other answers: specs, refusals by the API server, known failures, plans."""

from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.actions import UPDATE_ACTIONS, UpdateAction
from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.cluster_version.failures import KNOWN_UPDATE_FAILURES
from ibgu.core.drivers.cluster_version.feedback import VersionView
from ibgu.core.engine.driver import ActionRefusal, JudgementKind, VerdictKind
from ibgu.core.model import Cause, WorkView
from ibgu.core.model.kinds import (
    Backup,
    ClusterUpdate,
    MirrorSource,
    PreCache,
    Release,
    RolloutSpec,
)
from ibgu.core.views.change.allowed import RolloutSituation, permits
from tests.core.drivers.cluster_version.version_samples import (
    MESSAGES,
    NEW,
    ROLLOUT,
    seen,
    values,
    with_update,
)

WORK = WorkView(name="w", uid="u", resource_version="1", generation=1)


def test_every_known_failure_has_a_real_message_and_is_found_by_it() -> None:
    assert set(MESSAGES) == {row.name for row in KNOWN_UPDATE_FAILURES}
    assert set(CLUSTER_VERSION.failures) == set(MESSAGES)
    for name, message in MESSAGES.items():
        found = CLUSTER_VERSION.failure("Update", f"timed out; {message}")
        assert found is not None
        assert found.name == name
        assert found.remedy.endswith((".", "`."))
    assert CLUSTER_VERSION.failure("Update", "no such words") is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"release": Release("4.16", NEW)}, "version 4.16 is not a release such as 4.16.12"),
        ({"release": Release("", NEW)}, "version (none) is not a release"),
        ({"release": Release("4.16.12", "q/r:4.16")}, "q/r:4.16 is not an image by sha256"),
        ({"release": Release("4.16.12", "")}, "image (none) is not an image by sha256"),
        ({"signatures": ["c2lnbmVk", "?"]}, "spec.update.signatures[1] is not base64"),
        ({"mirrors": [MirrorSource("", ["m"])]}, "mirrors[0] has no source, or no mirror"),
        ({"mirrors": [MirrorSource("s", [])]}, "mirrors[0] has no source, or no mirror"),
        ({"mirrors": [MirrorSource("s", ["m", ""])]}, "mirrors[0] has no source, or no mirror"),
        ({"acks": ["no-ack"]}, "'no-ack' is not the key of an admin ack"),
        ({"acks": ["ack-4.15-kube-1.29-api-removals-in-4.16"]}, ""),
        ({"backup": Backup("Etcd", NEW, path="/home/core/b")}, ""),
        ({"backup": Backup("Full", NEW)}, ""),
        ({"backup": Backup("", NEW)}, "backup.form (none) is not Etcd or Full"),
        ({"backup": Backup("Etcd", "a:1")}, "backup.image a:1 is not an image by sha256"),
        ({"backup": Backup("Etcd")}, "backup.image (none) is not an image by sha256"),
        ({"backup": Backup("Full", NEW, "/etc/x")}, "'/etc/x' is not a folder in /home/core"),
        ({"backup": Backup("Full", NEW, "/var/mnt/../x")}, "is not a folder in /home/core"),
        ({"pre_cache": PreCache(NEW)}, ""),
        ({"pre_cache": PreCache("a:1")}, "preCache.image a:1 is not an image by sha256"),
        ({"pre_cache": PreCache()}, "preCache.image (none) is not an image by sha256"),
        ({"pre_cache": PreCache(NEW, 0)}, "preCache.spaceRequiredGiB 0 is below 1"),
        ({"pre_cache": PreCache(NEW, 1, ["a", " "])}, "excludePatterns[1] is empty"),
        ({"pre_cache": PreCache(NEW, 1, ["a\nb"])}, "excludePatterns[0] is empty, or has"),
        ({"pre_cache": PreCache(NEW, 1, ["a$", "$(JOB)"])}, "excludePatterns[1] has $(;"),
        ({"pre_cache": PreCache(NEW, 1, ["a$", "(a)"])}, ""),
        ({"backup": Backup("Full", NEW, max_age_minutes=0)}, "maxAgeMinutes 0 is below 1"),
    ],
)
def test_a_spec_that_no_cluster_can_be_asked_for_is_named(
    changes: dict[str, Any], words: str
) -> None:
    found = CLUSTER_VERSION.problem(with_update(**changes).spec) or ""
    assert (words in found) if words else not found


def test_an_update_must_be_there() -> None:
    assert CLUSTER_VERSION.problem(RolloutSpec()) == "spec.update is missing"
    assert CLUSTER_VERSION.problem(RolloutSpec(update=ClusterUpdate())) is not None


def test_a_request_that_the_api_server_refuses_is_final_and_others_heal() -> None:
    error = 'ClusterVersion.config.openshift.io "version" is invalid: cannot set both'
    found = CLUSTER_VERSION.refusal(replace(WORK, apply_error=error), "Update")
    assert found == ActionRefusal(Cause.SPEC_REFUSED, f"the cluster refused the request: {error}")
    assert CLUSTER_VERSION.refusal(replace(WORK, apply_error="connection refused"), "Check") is None


def test_a_cluster_without_the_object_is_no_openshift_cluster() -> None:
    assert CLUSTER_VERSION.absent(replace(WORK, target_available="False"))
    assert not CLUSTER_VERSION.absent(WORK)


@pytest.mark.parametrize(
    ("error", "absent"),
    [
        ('no matches for kind "ClusterVersion" in version "config.openshift.io/v1"', True),
        ('the server doesn\'t have a resource type "ClusterVersion"', True),
        (
            'ClusterVersion.config.openshift.io "version" is invalid: spec: Required value',
            True,
        ),
        ('no matches for kind "ImageDigestMirrorSet" in version "config.openshift.io/v1"', False),
        ('ClusterVersion.config.openshift.io "version" is invalid: cannot set both', False),
    ],
)
def test_an_absent_object_is_known_by_the_api_servers_error(error: str, absent: bool) -> None:
    work = replace(WORK, apply_error=error)
    assert CLUSTER_VERSION.absent(work) is absent
    assert not (absent and CLUSTER_VERSION.refusal(work, "Update"))


def test_the_driver_answers_by_the_cluster_and_the_rollouts_release() -> None:
    assert CLUSTER_VERSION.judge(seen(), "Update", ROLLOUT).kind is JudgementKind.STARTABLE
    assert CLUSTER_VERSION.verdict(seen(), "Check", ROLLOUT).kind is VerdictKind.SUCCEEDED
    assert CLUSTER_VERSION.out_of_stage(seen())
    assert isinstance(CLUSTER_VERSION.read(values(generation=1)), VersionView)
    assert Cause.UPDATE_REFUSED in CLUSTER_VERSION.meanings("Update").causes


def test_an_update_refers_to_nothing_on_the_hub() -> None:
    spec = ROLLOUT.spec
    assert list(CLUSTER_VERSION.references(spec, "ran")) == []
    assert list(CLUSTER_VERSION.payload([])) == []
    assert list(CLUSTER_VERSION.refused_fields("Update", ["a"], spec, {})) == []
    assert CLUSTER_VERSION.annotations({"ibgu.dev/pause": "x"}) == {}
    assert not CLUSTER_VERSION.rollback_time(spec)


@pytest.mark.parametrize(
    ("plan", "allowed"),
    [
        ("Check", True),
        ("Check Mirror Update", True),
        ("Check|Mirror|Update", True),
        ("Check Mirror|Update|RetractOnFailure", True),
        ("Mirror Update|Retract", True),
        ("Retract", True),
        ("RetractOnFailure", True),
        ("Update|Check", False),
        ("Check|RetractOnFailure", False),
        ("Update RetractOnFailure", False),
        ("Update|Update", False),
    ],
)
def test_plans_go_forward_and_then_back(plan: str, allowed: bool) -> None:
    steps = tuple(tuple(step.split()) for step in plan.split("|"))
    assert (steps in UPDATE_ACTIONS.plans) is allowed


def test_each_role_of_an_action_has_one() -> None:
    table = UPDATE_ACTIONS
    assert (table.start, table.abort, table.abort_all) == ("Check", "RetractOnFailure", "Retract")
    assert table.rollback is None
    assert table.abortable == (UpdateAction.UPDATE.failed_label,)
    assert UpdateAction.RETRACT_ON_FAILURE.stage == "Retract"


def test_ibgu_makes_no_second_fleet_update() -> None:
    situation = RolloutSituation(ROLLOUT, UPDATE_ACTIONS, newest=None, waiting=1, failed=1)
    found = {each.name: each for each in permits(situation)}
    assert found["pause"].allowed
    for name in ("retry", "finalize", "cancel", "rollback", "confirm-cleanup"):
        assert found[name].why == UPDATE_ACTIONS.no_follow_ups
