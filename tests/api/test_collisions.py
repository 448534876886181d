"""Changes that collide with ibgu's own writes of the status, again and again."""

import base64
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from msgspec import Struct

from ibgu.db import Journal
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.sandbox.certificates import write_serving_files
from tests.api.fleet import seen
from tests.api.test_changes import Made, Post, admin, known, made, on_hub, post

__all__ = ["admin", "made", "post"]


TIMES = 50
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
NAME = "writes-the-status"


class Collisions(Struct):
    """The hub asks whether an IBGU may change just before it is stored: then the status is
    written."""

    admin: HubClient
    left: int = 0
    asked: int = 0
    written: int = 0

    async def review(self, request: web.Request) -> web.Response:
        asked = (await request.json())["request"]
        self.asked += 1
        if self.left and not asked["dryRun"]:
            self.left -= 1
            self.written += 1
            await self._write(asked["name"])
        answer = {"uid": asked["uid"], "allowed": True}
        return web.json_response(
            {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}
        )

    async def _write(self, name: str) -> None:
        await self.admin.request(
            "PATCH",
            paths.ibgu_status("default", name),
            body={"status": {"observedGeneration": self.written}},
            content_type=paths.MERGE_PATCH,
        )


@pytest.fixture
async def collisions(admin: HubClient, tmp_path: Path) -> AsyncIterator[Collisions]:
    found = Collisions(admin)
    files = write_serving_files(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.key)
    app = web.Application()
    app.router.add_post("/", found.review)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}/"
    await admin.request("POST", WEBHOOKS, body=webhook(url, files.ca.read_bytes()))
    yield found
    await admin.request("DELETE", f"{WEBHOOKS}/{NAME}")
    await runner.cleanup()


def webhook(url: str, ca: bytes) -> dict[str, Any]:
    """Only for the IBGU of these tests, and not for its status."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": NAME},
        "webhooks": [
            {
                "name": "writes-the-status.ibgu.dev",
                "clientConfig": {"url": url, "caBundle": base64.b64encode(ca).decode()},
                "rules": [
                    {
                        "apiGroups": ["lcm.openshift.io"],
                        "apiVersions": ["*"],
                        "operations": ["UPDATE"],
                        "resources": ["imagebasedgroupupgrades"],
                    }
                ],
                "matchConditions": [{"name": "ours", "expression": "request.name == 'ran-x1'"}],
                "sideEffects": "NoneOnDryRun",
                "admissionReviewVersions": ["v1"],
                "failurePolicy": "Ignore",
            }
        ],
    }


async def effective(found: Collisions) -> None:
    """Waits until the hub asks: it learns of the webhook by a watch."""
    while not found.asked:
        await found.admin.request(
            "PATCH",
            paths.ibgu("default", "ran-x1"),
            body={"metadata": {"annotations": {"probe": "1"}}},
            content_type=paths.MERGE_PATCH,
            query={"dryRun": "All"},
        )


async def test_a_step_is_appended_while_the_status_is_written_again_and_again(
    post: Post, made: Made, journal: Journal, admin: HubClient, collisions: Collisions
) -> None:
    """Each write of the status comes between the patch's read and its store: the answer was that
    someone had changed the rollout meanwhile."""
    await seen(journal, known(await made("Prep")))
    await effective(collisions)
    collisions.left = TIMES
    answer = await post("olga", "steps", {"actions": ["Upgrade"]})
    assert answer.status_code == 202, answer.text
    assert collisions.written == TIMES
    assert [each.actions for each in (await on_hub(admin)).spec.plan] == [["Prep"], ["Upgrade"]]
