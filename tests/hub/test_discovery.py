"""The reading of the served schemas, on hubs of several ages."""

from typing import Protocol

import pytest

from ibgu.hub import paths
from ibgu.hub.client import HubClient, HubError
from ibgu.hub.discovery import ServerVersion, discover
from tests.hub.conftest import Fault, Json, ScriptedHub

WORK = "apis/work.open-cluster-management.io/v1"
IBGU = "apis/lcm.openshift.io/v1alpha1"
CGU = "apis/ran.openshift.io/v1alpha1"
OWN = "apis/ibgu.dev/v1alpha1"


def document(group_version: str, kind: str, **properties: Json) -> Json:
    _, group, version = group_version.split("/")
    gvk = {"group": group, "version": version, "kind": kind}
    schema = {"x-kubernetes-group-version-kind": [gvk], "properties": properties}
    listed = {"x-kubernetes-group-version-kind": [gvk | {"kind": f"{kind}List"}]}
    return {"components": {"schemas": {f"x.{kind}List": listed, f"x.{kind}": schema}}}


def work_document(strategies: list[str], **more: Json) -> Json:
    kind = {"properties": {"type": {"type": "string", "enum": strategies}}}
    option = {"properties": {"updateStrategy": kind, **more}}
    spec = {"properties": {"manifestConfigs": {"type": "array", "items": option}}}
    return document(WORK, "ManifestWork", spec=spec)


class Serve(Protocol):
    def __call__(self, **documents: Json) -> None: ...


@pytest.fixture
def serve(hub: ScriptedHub) -> Serve:
    def start(**documents: Json) -> None:
        index = {}
        for group_version, served in {WORK: None, IBGU: None, CGU: None, **documents}.items():
            if served is not None:
                url = f"/openapi/v3/{group_version}"
                index[group_version] = {"serverRelativeURL": f"{url}?hash=0A"}
                hub.documents[url] = served
        hub.documents |= {
            paths.namespace("kube-system"): {"metadata": {"uid": "hub-uid"}},
            paths.VERSION: {"major": "1", "minor": "27+", "gitVersion": "v1.27.3+abc"},
            paths.OPENAPI: {"paths": index},
        }

    return start


async def test_a_hub_with_an_old_work_api(
    serve: Serve, client: HubClient, hub: ScriptedHub
) -> None:
    serve(**{WORK: work_document(["Update", "CreateOnly", "ServerSideApply"])})
    served = await discover(client)

    assert served.hub == "hub-uid"
    assert served.works
    assert served.update_strategies == {"Update", "CreateOnly", "ServerSideApply"}
    assert not served.feedback_by_watch
    assert not served.ibgus
    assert not served.cgus
    assert not served.streaming_lists
    assert hub.requests[-1] == ("get", {"hash": "0A"})


@pytest.mark.parametrize("kind", ["SeedImage", "FleetUpdate", "RolloutPolicy"])
async def test_a_kind_is_served_apart_from_the_others_of_its_group(
    serve: Serve, client: HubClient, kind: str
) -> None:
    serve(**{OWN: document(OWN, kind)})
    served = await discover(client)
    assert (served.seed_images, served.fleet_updates, served.rollout_policies) == (
        kind == "SeedImage",
        kind == "FleetUpdate",
        kind == "RolloutPolicy",
    )


async def test_a_hub_with_feedback_by_watch_and_talms_crd(serve: Serve, client: HubClient) -> None:
    scrape = {"type": "string", "enum": ["Poll", "Watch"]}
    status: Json = {"properties": {"clusters": {}, "conditions": {}}}
    serve(
        **{
            WORK: work_document(["Update", "ReadOnly"], feedbackScrapeType=scrape),
            IBGU: document(IBGU, "ImageBasedGroupUpgrade", status=status),
            CGU: document(CGU, "ClusterGroupUpgrade"),
        }
    )
    served = await discover(client)

    assert served.feedback_by_watch
    assert served.ibgu_status == {"clusters", "conditions"}
    assert served.cgus


async def test_a_hub_without_open_cluster_management(serve: Serve, client: HubClient) -> None:
    serve()
    served = await discover(client)

    assert not served.works
    assert served.update_strategies == frozenset()


async def test_a_group_that_goes_away_meanwhile_is_not_served(
    serve: Serve, client: HubClient, hub: ScriptedHub
) -> None:
    serve(**{CGU: document(CGU, "ClusterGroupUpgrade")})
    del hub.documents[f"/openapi/v3/{CGU}"]
    assert not (await discover(client)).cgus


async def test_another_kind_of_that_group_is_not_it(serve: Serve, client: HubClient) -> None:
    serve(**{CGU: document(CGU, "PreCachingConfig")})
    assert not (await discover(client)).cgus


async def test_a_forbidden_read_is_named_in_the_error(
    serve: Serve, client: HubClient, hub: ScriptedHub, fault: type[Fault]
) -> None:
    serve()
    hub.faults.append(fault("get", status=403, reason="Forbidden", message="not yours"))
    with pytest.raises(HubError, match="kube-system: 403 Forbidden: not yours"):
        await discover(client)


@pytest.mark.parametrize(
    ("major", "minor", "number"), [("1", "36", (1, 36)), ("1", "27+", (1, 27)), ("", "", (0, 0))]
)
def test_server_versions_are_parsed(major: str, minor: str, number: tuple[int, int]) -> None:
    assert ServerVersion(major, minor).number == number
