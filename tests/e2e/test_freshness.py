"""A hub from before feedback by watch: agents poll once a minute or two, and are refreshed
(R21.2)."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest
from msgspec.structs import replace

from ibgu.core.drivers import traits
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.refresh import ranges
from ibgu.core.model.actions import AgeRange
from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.waiting import wait_until
from ibgu.telemetry import REFRESHES
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, ibgu, step

CRD = "manifestworks.work.open-cluster-management.io"
FIELD = "feedbackScrapeType"
FLEET = {"scale": 0.1, "durations": "30s", "feedback": "poll:600s", "version": "4.16.3"}
"""A stage takes three seconds, so that none is over before its agent has told of its beginning.

Agents read after 60 to 114 seconds of the scale, or 24 to 36 after an apply.
"""
FIRST = 4.5
"""Seconds from an arming to the first refresh here, when the stage is over; the next one is far."""


def _without_field(crd: Object) -> Object:
    for version in crd["spec"]["versions"]:
        spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
        configs = spec["properties"].get("manifestConfigs")
        if configs is not None:
            configs["items"]["properties"].pop(FIELD)
    return crd


@pytest.fixture(scope="module")
def polled_hub() -> Iterator[SandboxHub]:
    with SandboxHub() as hub:
        kubectl = Kubectl(hub)
        crd = _without_field(json.loads(kubectl("get", "crd", CRD, "-o", "json")))
        kubectl("replace", "-f", "-", stdin=json.dumps(crd))
        wait_until(lambda: _published(kubectl), "the older schema in the OpenAPI", lambda: None)
        wait_until(lambda: _served(kubectl), "works to be listed by it", lambda: None)
        yield hub


def _published(kubectl: Kubectl) -> bool:
    path = "/openapi/v3/apis/work.open-cluster-management.io/v1"
    return FIELD not in kubectl.run("get", "--raw", path).out


def _served(kubectl: Kubectl) -> bool:
    """A changed CRD is served by a new storage, which refuses requests until it is filled."""
    return kubectl.run("get", "manifestworks", "--all-namespaces").code == 0


@pytest.fixture
async def scene(
    polled_hub: SandboxHub, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    usual = AgeRange(FIRST, 60.0)
    monkeypatch.setattr(ranges, "traits", lambda action: replace(traits(action), usual=usual))
    hub = polled_hub
    async with await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file)) as admin:
        made = Scene(hub, database_url, admin)
        try:
            yield made
        finally:
            await made.close()


def refreshed(action: Action) -> float:
    """Returns how often clusters were refreshed, in this process."""
    return float(REFRESHES.labels(action)._value.get())


async def test_an_end_is_seen_at_once_though_agents_poll(scene: Scene) -> None:
    """Without refreshes Prep would take a minute or two; an agent that comes up reads by itself."""
    before = refreshed(Action.PREP)
    await scene.fleet(count=2, **FLEET)
    await scene.start()
    await scene.apply(ibgu("fresh", step("Prep"), step("Upgrade"), fleet=scene.label))

    status = await scene.completed("fresh")

    assert status["summary"]["succeeded"] == 2
    assert refreshed(Action.PREP) >= before + 2
    assert await scene.warnings("fresh") == []


async def test_refreshes_may_be_off_and_begin_with_what_is_in_flight(scene: Scene) -> None:
    cluster, before = f"{scene.label}-1", refreshed(Action.PREP)
    await scene.fleet(count=1, **FLEET)
    await scene.start(feedback_refresh="off")
    await scene.apply(ibgu("off", step("Prep"), fleet=scene.label))
    await scene.accepted()
    run = scene.cluster(cluster).timeline.runs[0]
    await scene.until(lambda: run.outcome == "completed", "the cluster to be done with Prep")
    await scene.stop()
    assert (await scene.status("off"))["phase"] == "Running"
    assert refreshed(Action.PREP) == before

    await scene.start()

    await scene.completed("off")
    assert refreshed(Action.PREP) > before
