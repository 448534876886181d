"""Preflight of a step uses what was read with the author's rights, and nothing else (R34)."""

from base64 import b64encode
from datetime import UTC, datetime

from msgspec.structs import replace

from ibgu.core.drivers.ibu.preflight.facts import ConfigMapFacts, Lookup
from ibgu.core.drivers.ibu.works import build
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Rollout
from ibgu.core.model.kinds import (
    ConfigMap,
    IbuSpec,
    NameRef,
    ObjectMeta,
    ObjectRef,
    RolloutSpec,
    Secret,
    SeedImageRef,
)
from ibgu.hub.carried import carried_facts
from ibgu.hub.preflight import registries

CONTENT = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: x\n"
OWN, OTHER = ObjectRef("own", "fleet"), ObjectRef("other", "kube-system")
ROLLOUT = Rollout(
    uid="uid-a",
    namespace="fleet",
    name="a",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    spec=RolloutSpec(
        ibu_spec=IbuSpec(
            seed_image_ref=SeedImageRef(pull_secret_ref=NameRef("pull")),
            oadp_content=[OTHER],
            extra_manifests=[OWN],
        )
    ),
)


def config_map(ref: ObjectRef, content: str = CONTENT) -> ConfigMap:
    return ConfigMap(ObjectMeta(name=ref.name, namespace=ref.namespace), {"a.yaml": content})


SECRET = Secret(
    ObjectMeta(name="pull", namespace="fleet"),
    "kubernetes.io/dockerconfigjson",
    {".dockerconfigjson": "eyJhdXRocyI6IHsicXVheS5pbyI6IHsiYXV0aCI6ICJzM2NyM3QifX19"},
)
PAYLOAD = build([config_map(OWN), config_map(OTHER, "# long\n" * 1000 + CONTENT), SECRET])


async def facts(state: PayloadState) -> tuple[ConfigMapFacts, ConfigMapFacts]:
    oadp, manifests = (await carried_facts(ROLLOUT, state, PAYLOAD)).config_maps
    return oadp, manifests


async def test_content_that_was_read_is_judged() -> None:
    found = await carried_facts(ROLLOUT, PayloadState(), PAYLOAD)
    assert [each.name for each in found.config_maps] == ["kube-system/other", "fleet/own"]
    assert all(each.lookup is Lookup.FOUND for each in found.config_maps)
    assert [each.documents[0].name for each in found.config_maps] == ["x", "x"]
    secret = found.pull_secret
    assert secret is not None
    assert (secret.name, secret.registries) == ("fleet/pull", ("quay.io",))
    assert "s3cr3t" not in repr(found)


async def test_content_whose_author_was_not_checked_counts_in_the_own_namespace_only() -> None:
    other, own = await facts(PayloadState(unchecked="nobody has checked"))
    assert (other.lookup, other.documents) == (Lookup.FORBIDDEN, ())
    assert own.lookup is Lookup.FOUND


async def test_content_that_can_not_be_carried_is_unknown() -> None:
    other, own = await facts(PayloadState(problem="ibgu may not read it"))
    assert {other.lookup, own.lookup} == {Lookup.FORBIDDEN}


async def test_content_that_is_not_on_the_hub_is_missing() -> None:
    found = await carried_facts(ROLLOUT, PayloadState(), build([config_map(OWN)]))
    other, own = found.config_maps
    assert (other.lookup, own.lookup) == (Lookup.MISSING, Lookup.FOUND)
    assert found.pull_secret is not None
    assert found.pull_secret.lookup is Lookup.MISSING


def test_a_pull_secret_nested_too_deeply_has_its_registries() -> None:
    deep = b"[" * 5_000 + b"]" * 5_000
    content = b64encode(b'{"auths": {"quay.io": %s}}' % deep).decode()
    assert registries(replace(SECRET, data={".dockerconfigjson": content})) == ("quay.io",)
