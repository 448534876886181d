"""A cluster with its cluster-version operator and its pools, in virtual time, for the engine in
memory."""

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.budgets import BudgetView
from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.cluster_version.feedback import VersionView, warning_of
from ibgu.core.drivers.cluster_version.pools import HealthCheckView, PoolView
from ibgu.core.engine.driver import ReadObject
from ibgu.core.engine.works import DesiredWork
from ibgu.core.model import JobView, Run, names, traits
from tests.core.drivers.cluster_version.version_samples import (
    NEW,
    OLD,
    VIA,
    conditions,
    pool,
    seen,
)
from tests.core.engine.decide.node import JobWork, Node, Work

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
UNSIGNED = f'Retrieving payload failed image="{NEW}" failure=The update cannot be verified'
LOOKS = f'Retrieving and verifying payload version="4.16.12" image="{NEW}"'
PROGRESS = "Working towards 4.16.12: 106 of 903 done"
VERSIONS = {VIA: "4.15.20", NEW: "4.16.12"}
"""The versions of the releases that clusters are asked for."""

BUDGET = BudgetView(name="shop/database", healthy=1, needed=1, pods=1)


class VersionNode(Node):
    absent_words = 'no matches for kind "ClusterVersion"'

    def __init__(self, name: str, now: datetime) -> None:
        super().__init__(name, now)
        self.version = "4.16.3"
        """The version of the release at first."""
        self.signed = True
        self.allowed = True
        """Whether it allows another minor release."""
        self.stalls = False
        """Whether an operator fails for a while in the middle of the update."""
        self.stage, self.run, self.generation = "", "", 1
        self.wanted = self.asked = self.asks = ""
        self.accepted = ""
        """ReleaseAccepted, where it is not about the running release; empty: it is."""
        self.image = OLD
        """The release that the operator applies, or has."""
        self.partial = self.failing = False
        self.asked_for: list[str] = []
        """The images of all requests, in order."""
        self.pools = ["worker"]
        """The pools beside that of masters."""
        self.checks: list[str] = []
        self.mark = self.resumes = ""
        self.paused: dict[str, str] = {}
        """What is paused, and by which rollout; empty: by a person."""
        self.behind: set[str] = set()
        """The pools whose nodes keep the former release."""
        self.blocks = False
        """Whether a budget allows no disruption."""
        self.rolling = False
        """Whether the nodes are taking another configuration."""
        self.full = False
        """Whether a worker has no space for images that are pinned."""
        self.listed = ""
        """The PinnedImageSets that the pools list, by the name of their work."""
        self.rollout = ""
        """The rollout that armed it last."""
        self.breaks: set[str] = set()
        """The pools that are degraded once they are resumed."""
        self.breaks_once_updated = False
        """Whether the release that it takes breaks all pools."""
        self.pinned = 3
        """How many nodes have all images."""

    # -- what is asked of it -----------------------------------------------------------------------

    def _apply(self, work: Work) -> str:
        """Obeys the manifests: those of the ClusterVersion ask for the run's stage, and those
        beside it pause and resume."""
        if self.absent:
            return self.absent_words
        wanted, rollout = work.wanted, work.rollout
        run = wanted.run if wanted.armed else None
        assert rollout is not None
        self.rollout = rollout.uid
        if run is not None and run.id != self.run:
            (version,) = (
                each
                for each in CLUSTER_VERSION.manifests(rollout, run, 1, work.seen)
                if isinstance(each, dict) and each["kind"] == "ClusterVersion"
            )
            marks = version["metadata"]["annotations"]
            self.mark, self.resumes = marks["ibgu.dev/stage"], marks.get("ibgu.dev/resumes", "")
            self.asks = version.get("spec", {}).get("desiredUpdate", {}).get("image", "")
            self.arm(run, work.seed)
        for each in CLUSTER_VERSION.companions(rollout, run, work.seen, resuming=wanted.resuming):
            if each.strategy is not None:
                self._write(each.read, each.manifest["metadata"].get("annotations", {}))
        return ""

    def _write(self, read: ReadObject, marks: dict[str, str]) -> None:
        name = f"{read.namespace}/{read.name}" if read.namespace else read.name
        if marks:
            self.paused[name] = marks[names.PAUSED_BY]
        elif self.paused.pop(name, None) is not None and name in self.behind:
            self._script.append((10 * MINUTE, lambda: self.behind.discard(name)))
            if len(self._script) == 1:
                self._due = self.now + 10 * MINUTE

    def arm(self, run: Run, seed: tuple[str, str]) -> str:
        if run.id == self.run:
            return ""
        self.run, self.stage = run.id, traits(run.action).stage
        self.generation += 1
        self.executed.append((run.id, self.stage))
        if self.stage == "Mirror":
            self.play([(30 * SECOND, self._rolls(True)), (4 * MINUTE, self._rolls(False))])
        elif self.mark == "Pause":
            pass
        elif self.stage == "Update":
            self.wanted = self.asked = self.asks
            self.asked_for.append(self.asks)
            if self._new:
                self.look()
        elif self.stage == "Retract":
            self.wanted = self.asked = self.asks
            self.play([(30 * SECOND, self._go_back)])
        return ""

    def look(self) -> None:
        """The operator looks at the request, now and again until it takes it."""
        self.play([(30 * SECOND, self._look)])

    def retarget(self, image: str) -> None:
        """A person asks for another release."""
        self.wanted = image
        self.generation += 1

    # -- images that are pinned --------------------------------------------------------------------

    def sync_job(self, work: JobWork) -> bool:
        """Pins images where the release knows PinnedImageSets, and makes a Job elsewhere."""
        if self.version < "4.19":
            return super().sync_job(work)
        before = work.view()
        if self.dark or work.terminating:
            return False
        work.error, work.applied = self.job_error, not self.job_error
        if work.applied and work.job_name not in self.jobs:
            # In place of a Job: it goes with the work, too.
            self.jobs[work.job_name] = JobView(name=work.job_name)
            self.made.append(work.job_name)
            last = 2 if self.full else 3
            self.play(
                [
                    (SECOND, lambda: self._list(work.job_name)),
                    (10 * SECOND, lambda: self._pull(1)),
                    (5 * MINUTE, lambda: self._pull(2)),
                    (5 * MINUTE, lambda: self._pull(last)),
                ]
            )
        return work.view() != before

    def _list(self, sets: str) -> None:
        """The pools list the sets, and their nodes have not seen that yet."""
        self.listed, self.pinned = sets, 3

    def _pull(self, nodes: int) -> None:
        self.pinned = nodes

    def _with_pin(self, found: PoolView) -> PoolView:
        if self.listed not in self.jobs:
            return found
        has = 1 if found.name == "master" else self.pinned - 1
        pin = f"ibgu-pre-cache-{self.rollout}.{found.name}"
        return replace(found, pin=pin, pin_machines=found.machines, pinned=has)

    # -- what its operators do ---------------------------------------------------------------------

    def _look(self) -> None:
        if self._new:
            self.accepted = f"Unknown RetrievePayload: {self._said(LOOKS)}"
            self._script.append((2 * MINUTE, self._take))

    def _take(self) -> None:
        if not self._new:
            return
        if not self.signed:
            self.accepted = f"False RetrievePayload: {self._said(UNSIGNED)}"
            self._script.append((3 * MINUTE, self._look))
            return
        loaded = f'Payload loaded version="4.16.12" image="{NEW}"'
        self.accepted = f"True PayloadLoaded: {self._said(loaded)}"
        stall = [(MINUTE, self._fails(True)), (5 * MINUTE, self._fails(False))]
        dark = [(10 * MINUTE, self._goes_dark(True)), (8 * MINUTE, self._goes_dark(False))]
        self._script.extend(
            [
                (5 * SECOND, self._start),
                *(stall if self.stalls else []),
                *dark,
                (20 * MINUTE, self._complete),
                (15 * MINUTE, self._rolls(False)),
            ]
        )

    @property
    def _new(self) -> bool:
        """Whether it is asked for a release that it knows and does not run."""
        return self.wanted in VERSIONS and self.wanted != self.image

    def _said(self, words: str) -> str:
        """Returns what the operator says of the release that is asked for."""
        return words.replace("4.16.12", VERSIONS[self.wanted]).replace(NEW, self.wanted)

    def _start(self) -> None:
        self.image, self.partial = self.wanted, True

    def _complete(self) -> None:
        """The operator is done while workers still take the new configuration."""
        self.partial, self.rolling = False, True
        self.behind = {name for name in self.pools if name in self.paused}
        self.breaks |= set(self.pools) if self.breaks_once_updated else set()

    def _go_back(self) -> None:
        self.accepted = ""

    def _rolls(self, rolling: bool) -> Callable[[], None]:
        def change() -> None:
            self.rolling = rolling

        return change

    def _fails(self, failing: bool) -> Callable[[], None]:
        def change() -> None:
            self.failing = failing

        return change

    def _goes_dark(self, dark: bool) -> Callable[[], None]:
        def change() -> None:
            self.dark = dark

        return change

    # -- what it feeds back ------------------------------------------------------------------------

    @property
    def started(self) -> bool:
        return self.image == NEW

    @property
    def completed(self) -> bool:
        return self.started and not self.partial

    @property
    def done(self) -> bool:
        return self.completed and not self.rolling and not self.behind

    @property
    def _version(self) -> str:
        return VERSIONS.get(self.image, self.version)

    def _told(self) -> dict[str, str]:
        runs = f'True PayloadLoaded: Payload loaded version="{self._version}" image="{self.image}"'
        told = {"ReleaseAccepted": self.accepted or runs}
        if self.partial:
            told["Progressing"] = f"True : {self._said(PROGRESS)}"
        if not self.allowed:
            told["Upgradeable"] = "False AdminAckRequired: Kubernetes 1.29 removes APIs"
        if self.failing:
            told["Failing"] = "True : Unable to apply 4.16.12: etcd is not available"
        return told

    def view(self, wanted: DesiredWork) -> VersionView:
        image, version = self.image, self._version
        state = "Partial" if self.partial else "Completed"
        asks = self.stage in ("Update", "Retract") and self.mark != "Pause"
        foreign = asks and self.asked != self.wanted
        view = seen(
            conditions(**self._told()),
            stage="Other" if foreign else self.stage,
            pausing=self.mark == "Pause",
            resumes=self.resumes,
            run=self.run,
            generation=self.generation,
            observed_generation=self.generation,
            probes=frozenset({wanted.probe.id} if wanted.probe else ()),
            wanted_image=self.wanted,
            asked_image=self.asked,
            desired_image=image,
            desired_version=version,
            history_state=state,
            history_image=image,
            history_version=version,
            pools=tuple(map(self._with_pin, (pool(), *map(self._pool, self.pools)))),
            health_checks=tuple(
                HealthCheckView(
                    name=name, paused=name in self.paused, paused_by=self.paused.get(name, "")
                )
                for name in self.checks
            ),
            pauses=tuple((name, uid) for name, uid in self.paused.items() if uid),
            budgets=(BUDGET,) if self.blocks else (),
        )
        return replace(view, warning=warning_of(view))

    def _pool(self, name: str) -> PoolView:
        behind, paused = name in self.behind, name in self.paused
        return pool(
            name,
            machines=2,
            updated=0 if behind else 1 if self.rolling and not paused else 2,
            current=not behind,
            degraded="" if paused or name not in self.breaks else "a node can't drain",
            paused=paused,
            paused_by=self.paused.get(name, ""),
        )
