"""A cluster comes back from its reboot, and its agent, which watches, has nothing to report.

The agent reads once before it has brought its ClusterRole again, and the role counts before the
agent is refused: its apply changes nothing, so nothing makes it read again before its next poll.
"""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model.kinds import JsonObject
from ibgu.sandbox.certificates import write_serving_files
from tests.e2e.manifests import ibgu, step
from tests.e2e.test_freshness import refreshed
from tests.neighbours.connection import Connection
from tests.neighbours.klusterlet import ACCOUNT, NAMESPACE
from tests.neighbours.scene import RealScene
from tests.sim.cluster_simulation import ROLE

WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
NAME = "holds.ibgu.dev"
DURATIONS = (
    "health=5s,stateroot=15s,precache=20s,export=1500s,backup=5s,reboot=50s,settle=50s,restore=20s"
)
"""The work is disarmed, and its agent has handled that, before the cluster restarts."""


class Gate:
    """A webhook of a managed cluster: anyone who creates the works' ClusterRole waits for the
    answer."""

    def __init__(self, folder: Path) -> None:
        self.asked = asyncio.Event()
        self.opened = asyncio.Event()
        self._files = write_serving_files(folder)
        app = web.Application()
        app.router.add_post("/", self._answer)
        self._runner = web.AppRunner(app)
        self._port = 0

    async def open_server(self) -> None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(self._files.certificate, self._files.key)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def close(self) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        uid = (await request.json())["request"]["uid"]
        self.asked.set()
        await self.opened.wait()
        answer = {"uid": uid, "allowed": True}
        return web.json_response(
            {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}
        )

    def configuration(self) -> JsonObject:
        rule = {
            "apiGroups": ["rbac.authorization.k8s.io"],
            "apiVersions": ["v1"],
            "operations": ["CREATE"],
            "resources": ["clusterroles"],
        }
        ca = b64encode(self._files.ca.read_bytes()).decode()
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": NAME},
            "webhooks": [
                {
                    "name": NAME,
                    "clientConfig": {"url": f"https://127.0.0.1:{self._port}/", "caBundle": ca},
                    "rules": [rule],
                    "sideEffects": "None",
                    "admissionReviewVersions": ["v1"],
                    "timeoutSeconds": 30,
                }
            ],
        }


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[Gate]:
    made = Gate(tmp_path)
    await made.open_server()
    yield made
    made.opened.set()
    await made.close()


async def test_a_cluster_that_is_silent_after_its_reboot_is_read_once(
    scene: RealScene, gate: Gate
) -> None:
    """Without a refresh nothing is heard of it until its agent polls, after a minute or two."""
    scene.poll = "600s"
    name, before = f"{scene.label}-1", refreshed(Action.UPGRADE)
    await scene.fleet(count=1, durations=DURATIONS)
    api = scene.real(name).server.api
    await scene.start(feedback_refresh="off")
    await scene.apply(ibgu("silent", step("Prep"), fleet=scene.label))
    await scene.completed("silent")
    api.request("POST", WEBHOOKS, gate.configuration())
    try:
        await scene.apply(ibgu("silent", step("Prep"), step("Upgrade"), fleet=scene.label))
        await scene.until(gate.asked.is_set, "the agent to bring its role again")
        await scene.until(lambda: _unreadable(scene, name), "a read that fails")
        scene.real(name).server.count_early(ROLE)
        await scene.until(lambda: _may_read(api), "the rights to count")
        gate.opened.set()
        run = scene.cluster(name).timeline.runs[-1]
        await scene.until(lambda: run.outcome == "completed", "the Upgrade's end on the cluster")
        await asyncio.sleep(3)  # whatever comes by itself has come
        assert await _unreadable(scene, name)
        assert (await scene.status("silent"))["phase"] == "Running"
        await scene.stop()
        await scene.start()
        await scene.completed("silent")
    finally:
        api.remove(f"{WEBHOOKS}/{NAME}")
    assert refreshed(Action.UPGRADE) == before + 1
    assert await scene.labels(name) == {"prep-completed": "", "upgrade-completed": ""}


async def _unreadable(scene: RealScene, cluster: str) -> bool:
    """Whether the hub shows that the ImageBasedUpgrade was applied, and could not be read."""
    (work,) = await scene.works(cluster)
    entries = work["status"]["resourceStatus"]["manifests"]
    (entry,) = (e for e in entries if e["resourceMeta"]["kind"] == "ImageBasedUpgrade")
    found = {each["type"]: each["status"] for each in entry["conditions"]}
    return bool(found["Applied"] == "True" and found["Available"] != "True")


def _may_read(api: Connection) -> bool:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}",
            "resourceAttributes": {
                "group": "lca.openshift.io",
                "resource": "imagebasedupgrades",
                "verb": "get",
            },
        },
    }
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    return bool(api.request("POST", path, review)["status"]["allowed"])
