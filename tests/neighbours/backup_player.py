"""Plays what a managed cluster does with the objects of a backup: its Job runs, and what was
deleted goes. No Job controller and no garbage collector is there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from ibgu.core.drivers.node_jobs.backup import NAMESPACE
from ibgu.core.model.kinds import JsonObject
from ibgu.hub.paths import MERGE_PATCH
from tests.neighbours.server import ManagedClusterServer

SPACE = f"/api/v1/namespaces/{NAMESPACE}"
_RBAC = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
_KINDS = (JOBS, f"{_RBAC}/rolebindings", f"{_RBAC}/roles", f"{SPACE}/serviceaccounts")


class BackupPlayer:
    """BackupPlayer ends each Job that it finds, once: with `failure`, or with success. While it is
    `holding`, what was deleted stays."""

    def __init__(self, server: ManagedClusterServer, failure: tuple[str, str] = ("", "")) -> None:
        self._server = server
        self._failure = failure
        self._seen: set[str] = set()
        self.made: list[str] = []
        """The names of all Jobs that were ever made."""
        self.holding = False

    @asynccontextmanager
    async def playing(self) -> AsyncIterator["BackupPlayer"]:
        task = asyncio.create_task(self._play())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _play(self) -> None:
        while True:
            for job in self.of(JOBS):
                if job["metadata"]["uid"] not in self._seen:
                    self._seen.add(job["metadata"]["uid"])
                    self.made.append(job["metadata"]["name"])
                    self._end(job)
            if not self.holding:
                self._collect_garbage()
            await asyncio.sleep(0.2)

    def of(self, path: str) -> list[JsonObject]:
        items: list[JsonObject] = self._server.api.request("GET", path)["items"]
        return items

    def _end(self, job: JsonObject) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        reason, message = self._failure
        types = ("FailureTarget", "Failed") if reason else ("SuccessCriteriaMet", "Complete")
        conditions = [
            {
                "type": each,
                "status": "True",
                "reason": reason or "CompletionsReached",
                "message": message or "Reached expected number of succeeded pods",
                "lastProbeTime": now,
                "lastTransitionTime": now,
            }
            for each in types
        ]
        over = {"failed": 1} if reason else {"succeeded": 1, "completionTime": now}
        status = {"startTime": now, "conditions": conditions, "uncountedTerminatedPods": {}, **over}
        path = f"{JOBS}/{job['metadata']['name']}/status"
        self._server.api.request("PATCH", path, {"status": status}, MERGE_PATCH)

    def _collect_garbage(self) -> None:
        for path in _KINDS:
            for found in self.of(path):
                if found["metadata"].get("deletionTimestamp"):
                    patch = {"metadata": {"finalizers": None}}
                    name = found["metadata"]["name"]
                    self._server.api.request("PATCH", f"{path}/{name}", patch, MERGE_PATCH)
        space = self._server.api.found(SPACE)
        if space and space["metadata"].get("deletionTimestamp"):
            body = {**space, "metadata": {**space["metadata"], "finalizers": []}}
            body["spec"] = {"finalizers": []}
            self._server.api.request("PUT", f"{SPACE}/finalize", body)
