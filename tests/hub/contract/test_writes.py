"""Creating, changing, deleting: versions, conflicts, generations, finalizers."""

import pytest
from msgspec import json

from ibgu.hub.errors import HubError
from tests.hub.contract.conftest import Edge, Json, version, work_body

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}


async def test_an_object_is_created_with_what_the_server_gives_it(edge: Edge) -> None:
    made = await edge.make("w", labels={"a": "b"})
    meta = made["metadata"]

    assert meta["generation"] == 1
    assert meta["namespace"] == edge.namespace
    assert len(meta["uid"]) == 36
    assert meta["creationTimestamp"].endswith("Z")
    assert [entry["manager"] for entry in meta["managedFields"]] == ["ibgu"]
    assert await edge.send("GET", edge.work("w")) == made


async def test_a_status_is_not_created_with_its_object(edge: Edge) -> None:
    body = work_body("w") | {"status": {"conditions": []}}
    assert "status" not in await edge.send("POST", edge.works, body)


async def test_sent_bodies_are_counted_in_bytes(edge: Edge) -> None:
    edge.client.sent.clear()
    body = json.encode(work_body("w"))
    await edge.client.request("POST", edge.works, body=body)
    await edge.send("GET", edge.work("w"))

    assert edge.client.sent == {("create", "manifestworks"): len(body)}


async def test_a_name_can_be_generated(edge: Edge) -> None:
    body = work_body("w")
    body["metadata"] = {"generateName": "w-"}
    first, second = [await edge.send("POST", edge.works, body) for _ in range(2)]

    assert first["metadata"]["name"].startswith("w-")
    assert len(first["metadata"]["name"]) == len("w-") + 5
    assert first["metadata"]["name"] != second["metadata"]["name"]


async def test_a_name_is_taken_once(edge: Edge) -> None:
    await edge.make("w")
    error = await edge.refused("POST", edge.works, work_body("w"))

    assert error.already_exists
    assert error.message == 'manifestworks.work.open-cluster-management.io "w" already exists'


@pytest.mark.parametrize(
    ("namespace", "name", "status", "words"),
    [
        ("nowhere-at-all", "w", 404, 'namespaces "nowhere-at-all" not found'),
        (None, "", 422, "name or generateName is required"),
    ],
)
async def test_impossible_creates_are_refused(
    edge: Edge, namespace: str | None, name: str, status: int, words: str
) -> None:
    path = edge.works.replace(edge.namespace, namespace or edge.namespace)
    error = await edge.refused("POST", path, work_body(name))

    assert error.status == status
    assert words in error.message


async def test_the_body_names_the_same_namespace(edge: Edge) -> None:
    error = await edge.refused("POST", edge.works, work_body("w", namespace="default"))
    assert error.status == 400


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_requests_for_a_missing_object_are_refused(edge: Edge, method: str) -> None:
    error = await edge.refused(method, edge.work("w"), {} if method == "PATCH" else None)

    assert error.not_found
    assert error.message == 'manifestworks.work.open-cluster-management.io "w" not found'


async def test_requests_for_an_unserved_kind_are_refused(edge: Edge) -> None:
    error = await edge.refused("GET", "/apis/example.com/v1/things")
    assert error.not_found


async def test_a_change_of_the_spec_counts_and_one_of_the_metadata_does_not(edge: Edge) -> None:
    made = await edge.make("w")
    marked = await edge.send("PATCH", edge.work("w"), {"metadata": {"annotations": {"a": "b"}}})
    changed = await edge.send(
        "PATCH", edge.work("w"), {"spec": {"deleteOption": {"propagationPolicy": "Orphan"}}}
    )

    assert marked["metadata"]["generation"] == 1
    assert changed["metadata"]["generation"] == 2
    assert version(made) < version(marked) < version(changed)


async def test_a_patch_without_a_change_makes_no_version(edge: Edge) -> None:
    made = await edge.make("w", labels={"a": "b"})
    same = await edge.send("PATCH", edge.work("w"), {"metadata": {"labels": {"a": "b"}}})

    assert same == made


async def test_null_deletes_and_what_is_not_named_stays(edge: Edge) -> None:
    await edge.make("w", labels={"a": "1", "b": "2"})
    changed = await edge.send(
        "PATCH", edge.work("w"), {"metadata": {"labels": {"a": None, "c": "3"}}}
    )
    assert changed["metadata"]["labels"] == {"b": "2", "c": "3"}

    bare = await edge.send("PATCH", edge.work("w"), {"metadata": {"labels": None}})
    assert "labels" not in bare["metadata"]


async def test_an_older_version_is_a_conflict(edge: Edge) -> None:
    made = await edge.make("w")
    meta = {"resourceVersion": made["metadata"]["resourceVersion"]}
    await edge.send("PATCH", edge.work("w"), {"metadata": {**meta, "labels": {"n": "1"}}})
    error = await edge.refused(
        "PATCH", edge.work("w"), {"metadata": {**meta, "labels": {"n": "2"}}}
    )

    assert error.conflict
    assert not error.already_exists
    assert error.message.endswith("please apply your changes to the latest version and try again")


async def test_the_uid_of_another_is_refused(edge: Edge) -> None:
    await edge.make("w")
    error = await edge.refused("PATCH", edge.work("w"), {"metadata": {"uid": "other"}})

    assert error.status == 422
    assert 'metadata.uid: Invalid value: "other": field is immutable' in error.message


async def test_a_status_is_written_for_itself_and_nothing_else_with_it(edge: Edge) -> None:
    """The uid is not compared either: only the version tells one object from another."""
    made = await edge.make("w", labels={"a": "1"})
    body = {
        "metadata": {"uid": "other", "labels": {"a": "2"}, "finalizers": ["x/y"]},
        "spec": {"workload": {"manifests": [{}]}},
        "status": {"conditions": []},
    }
    written = await edge.send("PATCH", f"{edge.work('w')}/status", body)

    assert written["status"] == {"conditions": []}
    assert written["spec"] == made["spec"]
    assert written["metadata"]["labels"] == {"a": "1"}
    assert written["metadata"]["uid"] == made["metadata"]["uid"]
    assert written["metadata"]["generation"] == 1
    assert "finalizers" not in written["metadata"]
    entries = written["metadata"]["managedFields"]
    assert [entry.get("subresource") for entry in entries] == [None, "status"]


async def test_cleared_managed_fields_are_not_recorded_again(edge: Edge) -> None:
    await edge.make("w")
    await edge.send("PATCH", f"{edge.work('w')}/status", {"status": {"conditions": []}})
    body = {"metadata": {"labels": {"a": "b"}, "managedFields": [{}]}}
    forgotten = await edge.send("PATCH", edge.work("w"), body)
    later = await edge.send("PATCH", f"{edge.work('w')}/status", {"status": {"resourceStatus": {}}})
    changed = await edge.send("PATCH", edge.work("w"), {"metadata": {"labels": {"a": "c"}}})

    assert version(forgotten) < version(later) < version(changed)
    assert not any("managedFields" in each["metadata"] for each in (forgotten, later, changed))


async def test_to_forget_who_owns_fields_changes_nothing_where_nobody_is_noted(edge: Edge) -> None:
    await edge.make("w")
    body: Json = {"metadata": {"managedFields": [{}]}}
    first = await edge.send("PATCH", edge.work("w"), body)
    assert await edge.send("PATCH", edge.work("w"), body) == first


async def test_a_json_patch_goes_by_what_it_tests_and_not_by_the_version(edge: Edge) -> None:
    made = await edge.make("w", labels={"a": "b"}, annotations={"x/y": "1", "gone": "1"})
    await edge.send("PATCH", f"{edge.work('w')}/status", {"status": {"conditions": []}})
    spec = {"workload": {"manifests": [CONFIG_MAP]}}
    steps = [
        {"op": "test", "path": "/metadata/uid", "value": made["metadata"]["uid"]},
        {"op": "test", "path": "/metadata/generation", "value": 1},
        {"op": "replace", "path": "/spec", "value": spec},
        {"op": "add", "path": "/metadata/annotations/x~1y", "value": "2"},
        {"op": "add", "path": "/metadata/annotations/new", "value": "3"},
        *(
            {"op": op, "path": f"/metadata/annotations/{key}", "value": ""}
            for key in ("gone", "never-there")
            for op in ("add", "remove")
        ),
    ]
    changed = await edge.patch_steps("w", steps)
    assert changed["metadata"]["generation"] == 2
    assert changed["metadata"]["annotations"] == {"x/y": "2", "new": "3"}
    assert changed["metadata"]["labels"] == {"a": "b"}
    assert changed["spec"] == spec
    assert changed["status"] == {"conditions": []}
    with pytest.raises(HubError) as caught:
        await edge.patch_steps("w", steps)
    assert (caught.value.status, caught.value.conflict) == (422, True)
    assert await edge.send("GET", edge.work("w")) == changed


@pytest.mark.parametrize(
    "step",
    [
        {"op": "remove", "path": "/metadata/labels/none"},
        {"op": "add", "path": "/metadata/annotations/none", "value": "1"},
        {"op": "test", "path": "/metadata/none", "value": "1"},
    ],
    ids=lambda step: f"{step['op']}s",
)
async def test_a_json_patch_that_does_not_fit_is_a_conflict(edge: Edge, step: Json) -> None:
    made = await edge.make("w", labels={"a": "b"})
    with pytest.raises(HubError) as caught:
        await edge.patch_steps("w", [{**step}])
    assert caught.value.conflict
    assert await edge.send("GET", edge.work("w")) == made


async def test_an_older_version_is_a_conflict_for_a_status_too(edge: Edge) -> None:
    made = await edge.make("w")
    await edge.send("PATCH", edge.work("w"), {"metadata": {"labels": {"n": "1"}}})
    meta = {"resourceVersion": made["metadata"]["resourceVersion"]}
    error = await edge.refused(
        "PATCH", f"{edge.work('w')}/status", {"metadata": meta, "status": {}}
    )

    assert error.conflict


async def test_a_change_of_the_object_leaves_its_status(edge: Edge) -> None:
    await edge.make("w")
    await edge.send("PATCH", f"{edge.work('w')}/status", {"status": {"conditions": []}})
    body = {"metadata": {"labels": {"a": "b"}}, "status": {"resourceStatus": {}}}
    changed = await edge.send("PATCH", edge.work("w"), body)

    assert changed["status"] == {"conditions": []}


async def test_a_deletion_takes_effect_at_once(edge: Edge) -> None:
    made = await edge.make("w")
    answer = await edge.send("DELETE", edge.work("w"))

    assert answer == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {
            "name": "w",
            "group": "work.open-cluster-management.io",
            "kind": "manifestworks",
            "uid": made["metadata"]["uid"],
        },
    }
    assert (await edge.refused("GET", edge.work("w"))).not_found


async def test_a_deletion_of_another_uid_is_a_conflict(edge: Edge) -> None:
    await edge.make("w")
    error = await edge.refused("DELETE", edge.work("w"), {"preconditions": {"uid": "other"}})

    assert error.conflict
    assert "the UID in the precondition (other) does not match the UID in record" in error.message
    await edge.send("GET", edge.work("w"))


async def test_a_finalizer_holds_what_is_deleted(edge: Edge) -> None:
    made = await edge.make("w", finalizers=["x/y"])
    going = await edge.send("DELETE", edge.work("w"))

    assert going["metadata"]["deletionTimestamp"]
    assert going["metadata"]["generation"] == 2
    assert version(going) > version(made)
    assert await edge.send("DELETE", edge.work("w")) == going

    body = {"spec": {"deleteOption": {"propagationPolicy": "Orphan"}}}
    changed = await edge.send("PATCH", edge.work("w"), body)
    assert changed["metadata"]["generation"] == 3

    error = await edge.refused(
        "PATCH", edge.work("w"), {"metadata": {"finalizers": ["x/y", "z/z"]}}
    )
    assert error.status == 422
    assert "no new finalizers can be added if the object is being deleted" in error.message

    last = await edge.send("PATCH", edge.work("w"), {"metadata": {"finalizers": None}})
    assert "finalizers" not in last["metadata"]
    assert (await edge.refused("GET", edge.work("w"))).not_found


async def test_kinds_of_the_core_have_no_generation(edge: Edge) -> None:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{edge.namespace}/leases"
    body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}}
    made = await edge.send("POST", path, body | {"spec": {"holderIdentity": "a"}})
    changed = await edge.send("PATCH", f"{path}/l", {"spec": {"holderIdentity": "b"}})

    assert "generation" not in made["metadata"]
    assert changed["spec"] == {"holderIdentity": "b"}
    assert version(changed) > version(made)


async def test_one_counter_numbers_everything(edge: Edge) -> None:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{edge.namespace}/leases"
    body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}}
    first = await edge.make("w")
    lease = await edge.send("POST", path, body | {"spec": {}})
    second = await edge.send("PATCH", edge.work("w"), {"metadata": {"labels": {"a": "b"}}})

    assert version(first) < version(lease) < version(second)
