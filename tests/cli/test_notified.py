"""The process that leads notifies: from an IBGU on a real hub to a receiver."""

import asyncio
import signal
from pathlib import Path
from typing import Any

from ibgu.db import engine
from ibgu.sandbox.kubectl import Kubectl
from tests.cli.test_notify import written
from tests.cli.test_processes import env, running, stopped
from tests.controller.notify.receiving import site
from tests.controller.notify.test_delivery import begun

__all__ = ["env"]

IBGU: dict[str, Any] = {
    "apiVersion": "lcm.openshift.io/v1alpha1",
    "kind": "ImageBasedGroupUpgrade",
    "spec": {
        "ibuSpec": {"seedImageRef": {"image": "quay.io/seed:1", "version": "4.17.2"}},
        "clusterLabelSelectors": [{"matchLabels": {"nobody": "has-this"}}],
        "plan": [{"actions": ["Prep"], "rolloutStrategy": {"maxConcurrency": 1, "timeout": 10}}],
    },
}
KINDS = ["rollout.started", "step.started", "step.finished", "rollout.completed"]


async def test_the_leader_sends_notifications(
    env: dict[str, str], kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    journal = engine(env["DATABASE_URL"])
    async with site() as noc:
        noc_only = {"format": "cloudevents", "url": noc.url, "namespaces": [namespace]}
        env["IBGU_NOTIFY_FILE"] = str(written(tmp_path, {"name": "noc", **noc_only}))
        process = running(env, "run", "--migrate")
        started = await asyncio.to_thread(process.__enter__)
        try:
            await begun(journal)
            kubectl.apply(IBGU | {"metadata": {"name": "a", "namespace": namespace}})
            await noc.until(lambda: len(noc.taken) >= len(KINDS))
            code, _ = await asyncio.to_thread(stopped, started, signal.SIGTERM)
        finally:
            process.__exit__(None, None, None)
    await journal.dispose()
    assert code == 0
    assert [request.json["data"]["kind"] for request in noc.taken] == KINDS
