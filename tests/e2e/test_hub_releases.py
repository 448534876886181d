"""R46.8: where it has the right, ibgu compares the hub's own releases before a step."""

from collections.abc import AsyncIterator

import pytest

from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, ibgu, step
from tests.e2e.test_preflight_gate import evaluated

VERSIONS = ("config.openshift.io", "ClusterVersion", "clusterversions", "Cluster")
HUBS = ("operator.open-cluster-management.io", "MultiClusterHub", "multiclusterhubs", "Namespaced")


def crd(group: str, kind: str, plural: str, scope: str) -> Object:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "scope": scope,
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def of_hub(kind: tuple[str, ...], name: str, status: Object, **meta: str) -> Object:
    return {
        "apiVersion": f"{kind[0]}/v1",
        "kind": kind[1],
        "metadata": {"name": name, **meta},
        "status": status,
    }


@pytest.fixture
async def openshift(scene: Scene) -> AsyncIterator[None]:
    """The hub is an OpenShift 4.16 with Advanced Cluster Management 2.9, both too old."""
    crds = [crd(*VERSIONS), crd(*HUBS)]
    for each in crds:
        await scene.apply(each)
        await scene.kubectl("wait", "--for=condition=Established", "crd", each["metadata"]["name"])
    await scene.apply(of_hub(VERSIONS, "version", {"desired": {"version": "4.16.9"}}))
    acm = of_hub(HUBS, "multiclusterhub", {"currentVersion": "2.9.0"}, namespace="default")
    await scene.apply(acm)
    yield
    for each in crds:
        await scene.kubectl("delete", "crd", each["metadata"]["name"])


async def findings(scene: Scene) -> tuple[dict[str, str], list[str]]:
    """Returns the severities of the plan's findings by rule, and the rules that are unknown."""
    [found] = await evaluated(scene)
    about_plan = [each for each in found["findings"] if not each["clusters"]]
    return {each["rule"]: each["severity"] for each in about_plan}, found["unknown"]


@pytest.mark.usefixtures("openshift")
@pytest.mark.parametrize("reads", [True, False])
async def test_a_hub_behind_the_seed_is_a_warning_where_its_releases_are_read(
    scene: Scene, reads: bool
) -> None:
    await scene.fleet(count=1, version="4.16.3")
    await scene.start(preflight_hub_releases=reads)
    annotations = {"ibgu.dev/preflight": "enforce"}
    await scene.apply(ibgu("ran", step("Prep"), fleet=scene.label, annotations=annotations))
    await scene.completed("ran")
    found, unknown = await findings(scene)
    of_hub_ = {rule: found.get(rule) for rule in ("P4", "P5")}
    assert of_hub_ == dict.fromkeys(("P4", "P5"), "warning" if reads else None)
    assert ({"P4", "P5"} <= {*unknown}) is not reads
