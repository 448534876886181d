"""The size that a managed cluster's API server takes of a ConfigMap or a Secret."""

from base64 import b64encode

import pytest

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.spoke.size import MAX_BYTES, check_size
from tests.sim.cluster_simulation import ClusterSimulation

LARGE = b"x" * (MAX_BYTES + 1)
ENCODED = b64encode(LARGE).decode()
HALF = "x" * (MAX_BYTES // 2 + 1)


def config_map(**fields: JsonObject) -> JsonObject:
    meta = {"name": "oadp-cm", "namespace": "openshift-adp"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, **fields}


@pytest.mark.parametrize(
    "fields",
    [
        {"data": {"a": LARGE.decode()}},
        {"data": {"a": HALF, "b": HALF}},
        {"data": {"a": HALF}, "binaryData": {"b": b64encode(HALF.encode()).decode()}},
    ],
)
def test_a_config_map_over_one_mebibyte_is_refused(fields: JsonObject) -> None:
    assert check_size(config_map(**fields)) == ["[]: Too long: may not be more than 1048576 bytes"]


def test_a_secret_is_measured_decoded() -> None:
    secret = {"kind": "Secret", "data": {"a": ENCODED}}
    assert check_size(secret) == ["data: Too long: may not be more than 1048576 bytes"]
    assert check_size({"kind": "Secret", "data": {"a": b64encode(LARGE[1:]).decode()}}) == []


def test_objects_of_other_kinds_have_no_limit_of_their_own() -> None:
    assert check_size({"kind": "ClusterRole", "data": {"a": LARGE.decode()}}) == []


def test_the_work_agent_reports_the_refusal_with_the_name() -> None:
    world = ClusterSimulation()
    world.put({"workload": {"manifests": [config_map(data={"a": LARGE.decode()})]}})
    world.run(2)
    assert world.of_manifest("Applied", "ConfigMap")["message"] == (
        'Failed to apply manifest: ConfigMap "oadp-cm" is invalid: '
        "[]: Too long: may not be more than 1048576 bytes"
    )
