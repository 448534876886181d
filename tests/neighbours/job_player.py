"""Plays what a managed cluster does with the objects of `ibgu gather`: its Job runs, and what was
deleted goes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from ibgu.core.drivers.ibu.gather import NAME
from ibgu.core.model.kinds import JsonObject
from ibgu.hub.paths import MERGE_PATCH
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.users import write_kubeconfig
from tests.cli.gather.job import must_gather, run_job
from tests.neighbours.server import ManagedClusterServer

NAMESPACE = f"/api/v1/namespaces/{NAME}"
JOB = f"/apis/batch/v1/namespaces/{NAME}/jobs/{NAME}"
SECRET = f"{NAMESPACE}/secrets/ibgu-gather-upload"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
OBJECTS = (
    JOB,
    SECRET,
    f"{_RBAC}/clusterroles/{NAME}-job",
    f"{_RBAC}/clusterrolebindings/{NAME}-job",
    f"{_RBAC}/clusterrolebindings/{NAME}-job-reader",
    f"{NAMESPACE}/configmaps/ibgu-gather-result",
    f"{NAMESPACE}/serviceaccounts/{NAME}",
    *(
        f"{_RBAC}/namespaces/{namespace}/{kind}/{NAME}"
        for namespace in ("openshift-lifecycle-agent", "openshift-adp", NAME)
        for kind in ("roles", "rolebindings")
    ),
)
_OC = """#!/bin/bash
# No kubelet is here, so logs are a file; everything else is the API server's answer.
if [ "$1" = logs ]; then
  case "$*" in
    *--previous*) exit 1 ;;
    *) exec cat "$LOGS/$4.$6" ;;
  esac
fi
exec "$KUBECTL" --kubeconfig "$ACCOUNT" "$@"
"""


class JobPlayer:
    """JobPlayer runs the script of each Job once, with the rights of the Job's account. `logs`:
    files POD.CONTAINER; `failure`: the conditions of a Job that does not run."""

    def __init__(
        self, server: ManagedClusterServer, logs: Path, failure: JsonObject | None = None
    ) -> None:
        self._server = server
        self._logs = logs
        self._failure = failure
        self._seen: set[str] = set()
        self.ran: list[JsonObject] = []
        self.problems: list[str] = []

    async def play(self) -> None:
        """Runs until it is cancelled."""
        while True:
            job = self._server.api.found(JOB)
            if job is not None and job["metadata"]["uid"] not in self._seen:
                self._seen.add(job["metadata"]["uid"])
                await self._run(job)
            self._collect_garbage()
            await asyncio.sleep(0.2)

    async def _run(self, job: JsonObject) -> None:
        if self._failure is not None:
            self._server.api.request(
                "PATCH", f"{JOB}/status", {"status": self._failure}, MERGE_PATCH
            )
            return
        hub = self._server.hub
        account = job["spec"]["template"]["spec"]["serviceAccountName"]
        token = Kubectl(hub)("create", "token", account, "-n", NAME).strip()
        file = write_kubeconfig(self._logs / "account.kubeconfig", hub.url, hub.ca_file, token)
        env = {"LOGS": str(self._logs), "ACCOUNT": str(file), "KUBECTL": str(hub.kubectl)}
        secret = self._server.api.found(SECRET)
        if secret is not None:
            env |= must_gather(self._logs, secret["data"]["curl.conf"])
        done = await asyncio.to_thread(run_job, job, _OC, self._logs, **env)
        self.ran.append(job)
        if done.returncode:
            self.problems.append(done.stderr)

    def _collect_garbage(self) -> None:
        for path in OBJECTS:
            found = self._server.api.found(path)
            if found and found["metadata"].get("deletionTimestamp"):
                patch = {"metadata": {"finalizers": None}}
                self._server.api.request("PATCH", path, patch, MERGE_PATCH)
        found = self._server.api.found(NAMESPACE)
        if found and found["metadata"].get("deletionTimestamp"):
            body = {**found, "spec": {"finalizers": []}}
            self._server.api.request("PUT", f"{NAMESPACE}/finalize", body)


@asynccontextmanager
async def playing(player: JobPlayer) -> AsyncIterator[JobPlayer]:
    task = asyncio.create_task(player.play())
    try:
        yield player
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
