"""The Job controller of one cluster, and what backups and pre-caches ask of it."""

from collections.abc import Callable, Generator

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.clock import timestamp
from ibgu.sim.cluster_version.objects import (
    ETCD,
    STATIC_PODS,
    cluster_operator,
    condition,
    operator_status,
)
from ibgu.sim.cluster_version.settings import Updates
from ibgu.sim.spoke.objects import Key
from ibgu.sim.spoke.store import Spoke

_NO_SPACE = 3
"""The exit code of both scripts where the node has too little free space."""
_IMAGES = 190
"""The images of a release."""

_REPORT = "ibgu.dev/report"
_WITH_ARGUMENTS = 8
"""The words of a command with a shell, its script, and name, form, folder, run and release behind
it."""


class Jobs:
    """Jobs runs the pod of every Job on the cluster, once."""

    def __init__(self, spoke: Spoke, updates: Updates, holds: Callable[[str], bool]) -> None:
        """`holds` says whether a trouble holds now."""
        self._spoke = spoke
        self._updates = updates
        self._holds = holds
        self.now = 0.0
        self.begun: set[Key] = set()
        """The Jobs that are there."""
        self.made: list[str] = []
        """The names of all Jobs that were ever made, in order."""
        self.made_at: list[float] = []
        """When each of them was made."""
        self.complete_at: dict[str, float] = {}
        """When each of those that succeeded was complete."""

    def install(self, now: float) -> None:
        """Makes the operators whose static pods a backup copies."""
        for operator in (ETCD, *STATIC_PODS):
            self._spoke.create(cluster_operator(operator.name), now)
            self._spoke.write_status(operator, operator_status(), now)

    def follow(
        self, begin: Callable[[str, Generator[float]], None], end: Callable[[str], None]
    ) -> None:
        """Begins with each new Job; one that was deleted ends."""
        there = {key for key in self._spoke.objects if key.kind == "Job"}
        if there == self.begun:
            return
        for key in sorted(self.begun - there):
            end(str(key))
        for key in sorted(there - self.begun):
            begin(str(key), self._run(key))
        self.begun = there

    def _run(self, key: Key) -> Generator[float]:
        """Runs the Job to its end; yields seconds to wait."""
        self.made.append(key.name)
        self.made_at.append(self.now)
        status: JsonObject = {"startTime": timestamp(self.now), "active": 1}
        self._write(key, status)
        backup = key.name.startswith("backup-")
        ahead = key.name.startswith("pre-cache-")
        if backup and self._holds("backup-hangs"):
            job = self._spoke.get(key) or {}
            yield float((job.get("spec") or {}).get("activeDeadlineSeconds", 600))
            words = "Job was active longer than specified deadline"
            self._fail(key, status, "DeadlineExceeded", words)
            return
        if ahead:
            self._mark(key, f"pulled 40 of {_IMAGES} images")
        yield self._updates.backup
        if (backup and self._holds("backup-fails")) or (ahead and self._holds("precache-fails")):
            if ahead:
                self._mark(key, "too little space: 20 GiB are left for images, and not 35")
            words = (
                f"Container job for pod {key.namespace}/{key.name} failed with exit code "
                f"{_NO_SPACE} matching FailJob rule at index 0"
            )
            self._fail(key, status, "PodFailurePolicy", words)
            return
        if backup:
            self._report(key)
        elif ahead:
            self._mark(key, f"pulled {_IMAGES} of {_IMAGES} images, 90000 MiB left")
        self.complete_at[key.name] = self.now
        over = {"completionTime": timestamp(self.now), "succeeded": 1, "active": 0}
        self._write(key, {**status, **over, "conditions": [condition("Complete", "True")]})

    def _report(self, key: Key) -> None:
        """Writes what the script of a backup says of itself, by its arguments."""
        job = self._spoke.get(key)
        if job is None:
            return
        pod = job["spec"].get("template", {}).get("spec", {})
        arguments = [word for each in pod.get("containers", ()) for word in each.get("command", ())]
        if len(arguments) < _WITH_ARGUMENTS:
            return
        self._mark(key, f"node=node-0 path={arguments[-3]}/backup-{arguments[-2]} mib=2048")

    def _mark(self, key: Key, words: str) -> None:
        """Writes the Job's report, as its script does."""
        job = self._spoke.get(key)
        if job is None:
            return
        meta = job["metadata"]
        marks = {**meta.get("annotations", {}), _REPORT: words}
        self._spoke.update(key, {**job, "metadata": {**meta, "annotations": marks}}, self.now)

    def _fail(self, key: Key, status: JsonObject, reason: str, words: str) -> None:
        failed = condition("Failed", "True", reason, words)
        self._write(key, {**status, "failed": 1, "active": 0, "conditions": [failed]})

    def _write(self, key: Key, status: JsonObject) -> None:
        if self._spoke.get(key) is not None:
            self._spoke.write_status(key, status, self.now)
