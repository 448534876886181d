"""The ManifestWork of `ibgu gather`: least rights, one attempt, and nothing that stays."""

import pytest

from ibgu.core.drivers.ibu.gather import NAME, gather_body, image_fault
from ibgu.core.drivers.ibu.gather.work import RESULT
from ibgu.core.model.kinds import JsonObject
from tests.core.drivers.ibu.gather.answers import IMAGE, LCA, REQUEST

WORK = gather_body(REQUEST)
MANIFESTS: list[JsonObject] = WORK["spec"]["workload"]["manifests"]


def of_kind(kind: str) -> list[JsonObject]:
    return [each for each in MANIFESTS if each["kind"] == kind]


def test_the_job_may_read_logs_of_two_namespaces_and_write_its_result() -> None:
    reading = [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    ]
    (writing,) = (
        each["rules"] for each in of_kind("Role") if each["metadata"]["namespace"] == NAME
    )
    assert writing == [
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "verbs": ["get", "patch"],
            "resourceNames": [RESULT],
        }
    ]
    found = {each["metadata"]["namespace"]: each["rules"] for each in of_kind("Role")}
    assert found == {LCA: reading, "openshift-adp": reading, NAME: writing}
    assert not of_kind("ClusterRole")
    for each in of_kind("RoleBinding"):
        (subject,) = each["subjects"]
        assert (subject["name"], subject["namespace"]) == (NAME, NAME)


def test_the_job_runs_once_for_a_bounded_time_with_the_given_image() -> None:
    (job,) = of_kind("Job")
    spec = job["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (0, 300)
    assert "ttlSecondsAfterFinished" not in spec
    (container,) = spec["template"]["spec"]["containers"]
    assert container["image"] == IMAGE
    assert container["securityContext"]["runAsNonRoot"]


def test_every_object_goes_with_the_work_and_is_never_changed_while_it_is_there() -> None:
    assert WORK["spec"]["deleteOption"] == {"propagationPolicy": "Foreground"}
    configs = WORK["spec"]["manifestConfigs"]
    assert len(configs) == len(MANIFESTS)
    assert {each["updateStrategy"]["type"] for each in configs} == {"CreateOnly"}


NO_DIGESTS = ("", "cli", "a/b:latest", f"b@sha256:{'a' * 64}")
BAD_DIGESTS = (f"r/b@sha256:{'a' * 63}", f"r/b c@sha256:{'a' * 64}")


@pytest.mark.parametrize("image", [*NO_DIGESTS, *BAD_DIGESTS])
def test_an_image_without_registry_or_digest_is_refused(image: str) -> None:
    assert "REGISTRY/NAME@sha256:DIGEST" in image_fault(image)


@pytest.mark.parametrize("image", [IMAGE, f"localhost:5000/cli@sha256:{'0' * 64}"])
def test_an_image_by_digest_is_accepted(image: str) -> None:
    assert image_fault(image) == ""
