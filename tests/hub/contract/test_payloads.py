"""ConfigMaps and Secrets: what ibgu reads of them by name, and carries to the clusters."""

import pytest

from ibgu.core.drivers.ibu.works import build
from ibgu.core.model.kinds import ConfigMap, Secret
from ibgu.hub import paths
from tests.hub.contract.conftest import Edge, Json, version

CONTENT: dict[str, Json] = {
    "ConfigMap": {"data": {"a.yaml": "kind: A\n"}, "binaryData": {"b": "AAE="}},
    "Secret": {"data": {".dockerconfigjson": "e30="}, "type": "kubernetes.io/dockerconfigjson"},
}


def body(kind: str, **content: object) -> Json:
    metadata = {"name": "source", "labels": {"velero.io/part": "1"}}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **content}


def path(edge: Edge, kind: str) -> str:
    named = paths.secret if kind == "Secret" else paths.config_map
    return named(edge.namespace, "source")


async def make(edge: Edge, kind: str, **content: object) -> Json:
    collection = path(edge, kind).rpartition("/")[0]
    return await edge.send("POST", collection, body(kind, **content))


@pytest.mark.parametrize("kind", CONTENT)
async def test_content_is_read_back_unchanged(edge: Edge, kind: str) -> None:
    made = await make(edge, kind, **CONTENT[kind])

    assert "generation" not in made["metadata"]
    assert {key: made[key] for key in CONTENT[kind]} == CONTENT[kind]
    assert await edge.send("GET", path(edge, kind)) == made


async def test_content_of_both_hubs_is_carried_alike(edge: Edge) -> None:
    for kind in CONTENT:
        await make(edge, kind, **CONTENT[kind])
    content = await edge.client.get(path(edge, "ConfigMap"), ConfigMap)
    secret = await edge.client.get(path(edge, "Secret"), Secret)
    carried = build([content, secret])

    at_home = b'"namespace":"' + edge.namespace.encode()
    assert [at_home in manifest for manifest in map(bytes, carried.manifests)] == [True, False]
    assert b'"type":"kubernetes.io/dockerconfigjson"' in bytes(carried.manifests[1])
    assert b"uid" not in b"".join(map(bytes, carried.manifests))


async def test_a_secret_without_a_type_is_opaque(edge: Edge) -> None:
    assert (await make(edge, "Secret"))["type"] == "Opaque"


@pytest.mark.parametrize("kind", CONTENT)
async def test_a_change_is_a_new_version(edge: Edge, kind: str) -> None:
    made = await make(edge, kind, **CONTENT[kind])
    changed = await edge.send("PATCH", path(edge, kind), {"data": {"more": "e30="}})

    assert changed["data"] == {**made["data"], "more": "e30="}
    assert version(changed) > version(made)
    assert changed["metadata"]["uid"] == made["metadata"]["uid"]


@pytest.mark.parametrize("kind", CONTENT)
async def test_a_recreated_object_has_another_uid(edge: Edge, kind: str) -> None:
    made = await make(edge, kind)
    await edge.send("DELETE", path(edge, kind))
    error = await edge.refused("GET", path(edge, kind))
    again = await make(edge, kind)

    plural = path(edge, kind).split("/")[-2]
    assert (error.status, error.not_found) == (404, True)
    assert error.message == f'{plural} "source" not found'
    assert again["metadata"]["uid"] != made["metadata"]["uid"]
