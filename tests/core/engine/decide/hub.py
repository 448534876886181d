"""The hub and its clusters in miniature: what is written there, and what they report."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ibgu.core.engine.decide import REMOVE, DeleteWork
from ibgu.core.engine.state import FleetState
from ibgu.core.engine.works import DesiredWork
from ibgu.core.engine.works.evidence import proven
from ibgu.core.model import (
    Change,
    ClusterConditionView,
    ClusterView,
    Observation,
    PendingPatch,
    Run,
    WorkView,
)
from ibgu.core.model.kinds import RolloutObject
from tests.core.engine.decide.builders import START
from tests.core.engine.decide.node import JobWork, Work
from tests.core.engine.decide.spoke import Spoke

Key = tuple[str, str]
"""Rollout's uid, cluster."""


class Hub:
    """`fleet` tells whom a cluster concerns; `touched` is what the controller has to look at."""

    def __init__(self, node: Callable[[str, datetime], Any] = Spoke) -> None:
        """`node`: what a cluster is, for another kind of change than the image-based upgrade."""
        self._node = node
        self.now = START
        self.fleet = FleetState()
        self.touched: dict[str, dict[str, None]] = {}
        self.spokes: dict[str, Spoke] = {}
        self.labels: dict[str, dict[str, str]] = {}
        self.annotations: dict[str, dict[str, str]] = {}
        self.ibgus: dict[str, RolloutObject] = {}
        self.works: dict[Key, Work] = {}
        self.writes: dict[Key, DesiredWork | DeleteWork] = {}
        self.refusals: dict[Key, str] = {}
        self.forbidden = False
        """Whether RBAC lets ibgu write neither works nor labels."""
        self.denials: dict[Key, str] = {}
        self.loads: dict[Key, WorkView] = {}
        """Payload works."""
        self.loading: dict[Key, str] = {}
        """Payload works that are asked for, with their digest; empty: to be removed."""
        self.under_way: set[Key] = set()
        """Whose payload is being written, for longer than a turn."""
        self.payload_refusals: dict[Key, str] = {}
        self.bad_payload = ""
        """Why no cluster can apply a payload; empty: all do."""
        self.jobs: dict[Key, JobWork] = {}
        self.job_writes: dict[Key, Run | None] = {}
        """Works of Jobs that are asked for, with their run; None: to be deleted."""
        self.job_refusals: dict[Key, str] = {}
        self.unlabelled: set[Key] = set()
        """Works of Jobs that have lost the label by which they are watched."""
        self.unlabelled_stages: set[Key] = set()
        """Stage works that have."""
        self.questions: dict[Key, str] = {}
        """Stage works that the hub is asked for by name, with their run."""
        self.stages_gone: dict[Key, str] = {}
        self.job_questions: dict[Key, str] = {}
        """Works of Jobs that the hub is asked for by name, with their run."""
        self.jobs_gone: dict[Key, str] = {}
        self.patches: dict[str, PendingPatch] = {}
        self.patched: list[tuple[str, str, str | None]] = []
        """Every change of a label: cluster, key, new value."""
        self.muted: set[str] = set()
        """Clusters whose agent applies works, but can't report at the moment."""
        self.frozen: set[str] = set()
        """Clusters whose agent does nothing at the moment, though they seem reachable."""
        self.unread: set[str] = set()
        """Clusters whose ManagedCluster can't be read."""
        self.deleting: set[str] = set()
        self.available_since: dict[str, datetime] = {}
        """When the hub has reached clusters again."""
        self.conditions: dict[str, tuple[ClusterConditionView, ...]] = {}
        """Conditions of ManagedClusters, by cluster."""
        self.talm: dict[str, str] = {}
        """Clusters on which a ManifestWork of TALM's acts, with its name."""
        self.stalled = START
        """Until then the hub takes no writes."""

    def join(self, name: str) -> Spoke:
        self.spokes[name] = self._node(name, self.now)
        self.labels.setdefault(name, {})
        self.annotations.setdefault(name, {})
        return self.spokes[name]

    def touch(self, uid: str, *clusters: str) -> None:
        self.touched.setdefault(uid, {}).update(dict.fromkeys(clusters))

    def touch_cluster(self, name: str) -> None:
        for uid in self.fleet.note_cluster(name):
            self.touch(uid)
        for uid in self.fleet.rollouts_of.get(name, ()):
            self.touch(uid, name)

    # -- what it shows ----------------------------------------------------------------------

    def cluster(self, name: str) -> ClusterView | None:
        spoke = self.spokes.get(name)
        if spoke is None or name in self.unread:
            return None
        return ClusterView(
            name=name,
            uid=spoke.uid,
            accepted=True,
            deleting=name in self.deleting,
            reachable=not spoke.dark,
            available_since=self.available_since.get(name),
            conditions=self.conditions.get(name, ()),
            local=False,
            labels=dict(self.labels[name]),
            annotations=dict(self.annotations[name]),
        )

    def observe(self, uid: str, name: str) -> Observation:
        work = None if (uid, name) in self.unlabelled_stages else self.works.get((uid, name))
        job = None if (uid, name) in self.unlabelled else self.jobs.get((uid, name))
        return Observation(
            cluster=self.cluster(name),
            stage=proven(work.view(), self.fleet.rollouts[uid].rollout.restore) if work else None,
            payload=self.loads.get((uid, name)),
            job=job.view() if job else None,
            writing=any(
                (uid, name) in open_ for open_ in (self.writes, self.denials, self.questions)
            ),
            stage_gone=self.stages_gone.get((uid, name), ""),
            refusal=self.refusals.get((uid, name), ""),
            payload_writing=(uid, name) in self.under_way,
            payload_refusal=self.payload_refusals.get((uid, name), ""),
            job_writing=(uid, name) in self.job_writes or (uid, name) in self.job_questions,
            job_gone=self.jobs_gone.get((uid, name), ""),
            job_refusal=self.job_refusals.get((uid, name), ""),
            denied=self.denials.get((uid, name), ""),
            labels_denied=self.denials.get(("", name), ""),
            talm=self.talm.get(name, ""),
            unread=name in self.unread,
        )

    # -- what is written --------------------------------------------------------------------

    def deliver(self) -> None:
        """Everything that was asked for reaches the hub, and the agents see it."""
        if self.now >= self.stalled:
            self._deliver_all()
        self.agents()

    def _deliver_all(self) -> None:
        writes, self.writes = self.writes, {}
        for (uid, name), wanted in writes.items():
            self._deliver(uid, name, wanted)
            self.touch(uid, name)
        loading, self.loading = self.loading, {}
        for key, digest in loading.items():
            self._load(key, digest)
        jobs, self.job_writes = self.job_writes, {}
        for key, run in jobs.items():
            self._write_job(key, run)
        questions, self.questions = self.questions, {}
        for key, asked in questions.items():
            self._answer_for_stage(key, asked)
        questions, self.job_questions = self.job_questions, {}
        for key, asked in questions.items():
            self._answer_for_job(key, asked)
        patches, self.patches = self.patches, {}
        for pending in patches.values():
            self._patch(pending)

    def _deliver(self, uid: str, name: str, wanted: DesiredWork | DeleteWork) -> None:
        if self.forbidden:
            self.denials[uid, name] = "ibgu may not write manifestworks"
            return
        if wanted is REMOVE:
            self.works.pop((uid, name), None)
            return
        assert isinstance(wanted, DesiredWork)
        if (uid, name) in self.unlabelled_stages:
            # It can't be created, as it exists: it gets its label back instead.
            self.unlabelled_stages.discard((uid, name))
        elif name in self.spokes:
            work = self.works.setdefault((uid, name), Work(uid))
            work.write(wanted, self.fleet.rollouts[uid].rollout)

    def _load(self, key: Key, digest: str) -> None:
        if key in self.payload_refusals:
            return
        if self.forbidden:
            self.denials[key] = "ibgu may not write manifestworks"
            self.touch(*key)
            return
        self.loads.pop(key, None)
        if digest and key[1] in self.spokes:
            self.loads[key] = WorkView(
                name="payload",
                uid="payload",
                resource_version="1",
                generation=1,
                digest=digest,
                applied=not self.bad_payload,
                apply_error=self.bad_payload,
            )
        self.touch(*key)

    def _write_job(self, key: Key, run: Run | None) -> None:
        if self.forbidden:
            self.denials[key] = "ibgu may not write manifestworks"
        elif run is None:
            self.jobs[key].terminating = True
        elif key in self.unlabelled:
            self.unlabelled.discard(key)
        elif key not in self.job_refusals and key[1] in self.spokes:
            self.jobs[key] = JobWork(run)
        self.touch(*key)

    def _answer_for_stage(self, key: Key, run: str) -> None:
        if key in self.works:
            self.unlabelled_stages.discard(key)
        else:
            self.stages_gone[key] = run
        self.touch(*key)

    def _answer_for_job(self, key: Key, run: str) -> None:
        if key in self.jobs:
            self.unlabelled.discard(key)
        else:
            self.jobs_gone[key] = run
        self.touch(*key)

    def _patch(self, pending: PendingPatch) -> None:
        spoke = self.spokes.get(pending.cluster)
        if self.forbidden:
            self.denials["", pending.cluster] = "ibgu may not patch managedclusters"
            self.touch_cluster(pending.cluster)
            return
        if spoke is None or spoke.uid != pending.uid:
            return
        labels = self.labels[pending.cluster]
        for key, change in pending.labels.items():
            if labels.get(key) != change.wanted:
                self.patched.append((pending.cluster, key, change.wanted))
        merge(labels, pending.labels)
        merge(self.annotations[pending.cluster], pending.annotations)
        self.touch_cluster(pending.cluster)

    def agents(self) -> None:
        """Twice, if the first time anything has changed: a work applied late shows in the feedback
        of those before it."""
        if self._work_agents() or self.muted:
            self._work_agents()

    def _work_agents(self) -> bool:
        moved = False
        for (uid, name), work in list(self.works.items()):
            spoke = self.spokes.get(name)
            if spoke is None or name in self.frozen:
                continue
            if name in self.muted:
                spoke.obey(work)
                continue
            if work.terminating and not spoke.dark:
                del self.works[uid, name]
            elif not spoke.sync(work):
                continue
            self.touch(uid, name)
            moved = True
        for key, job in list(self.jobs.items()):
            found = self.spokes.get(key[1])
            if found is not None and key[1] not in self.frozen:
                moved = self._agent_of_job(found, key, job) or moved
        return moved

    def _agent_of_job(self, spoke: Spoke, key: Key, work: JobWork) -> bool:
        if work.terminating and not (spoke.dark or spoke.keeps_jobs):
            spoke.jobs.pop(work.job_name, None)
            del self.jobs[key]
            self.unlabelled.discard(key)
        elif not spoke.sync_job(work):
            return False
        self.touch(*key)
        return True

    @property
    def quiet(self) -> bool:
        asked = self.writes or self.patches or self.loading or self.job_writes
        asked = asked or self.questions or self.job_questions
        return not (self.touched or (asked and self.now >= self.stalled))


def merge(shown: dict[str, str], pending_changes: dict[str, Change]) -> None:
    """Merges as a JSON merge patch does."""
    for key, change in pending_changes.items():
        if change.wanted is None:
            shown.pop(key, None)
        else:
            shown[key] = change.wanted
