"""A managed cluster with its work agent, whatever kind of object it has.

Pure and in virtual time. What an action does is a list of (pause, change) pairs, so that a fault is
another list.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime, timedelta

from ibgu.core.engine.works import DesiredWork
from ibgu.core.model import FeedbackView, JobView, Rollout, Run, WorkView

Script = list[tuple[timedelta, Callable[[], None]]]


class Work:
    """A stage work on the hub, with the status that the agent has given it."""

    def __init__(self, uid: str) -> None:
        self.uid = uid
        self.generation = 0
        self.wanted = DesiredWork(armed=False)
        self.seed = ("", "")
        self.rollout: Rollout | None = None
        self.seen: FeedbackView | None = None
        """What the agent had fed back when the work was written."""
        self.terminating = False
        self.edited = False
        self.taken = 0
        """The generation that the agent has applied, or tried to."""
        self.applied = 0
        """The generation that it has reported on."""
        self.error = ""
        self.available = ""
        self.feedback: FeedbackView | None = None

    def write(self, wanted: DesiredWork, rollout: Rollout) -> None:
        release = rollout.spec.ibu_spec.seed_image_ref
        self.generation += 1
        self.wanted, self.seed, self.edited = wanted, (release.image, release.version), False
        same = self.generation > 1 and self.wanted.restore == rollout.restore
        self.rollout, self.seen = rollout, self.feedback if same else None

    def view(self) -> WorkView:
        applied = self.applied == self.generation and not self.error
        run, probe = self.wanted.run, self.wanted.probe
        return WorkView(
            name=f"work-{self.uid}",
            uid=self.uid,
            resource_version=str(self.generation),
            generation=self.generation,
            terminating=self.terminating,
            edited=self.edited,
            armed=self.wanted.armed,
            resuming=self.wanted.resuming,
            run=run.id if run else "",
            probe=probe.id if probe else "",
            restore=self.wanted.restore,
            applied=applied,
            apply_error=self.error if self.applied == self.generation else "",
            target_applied=applied,
            target_available=self.available,
            feedback=self.feedback,
        )


class JobWork:
    """The work of a Job on the hub, with the status that the agent has given it."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.terminating = self.edited = False
        self.applied = False
        self.error = ""
        self.job: JobView | None = None

    @property
    def job_name(self) -> str:
        return f"job-{self.run.id}"

    def view(self) -> WorkView:
        return WorkView(
            name="job",
            uid=f"job-{self.run.id}",
            resource_version="1",
            generation=1,
            terminating=self.terminating,
            edited=self.edited,
            run=self.run.id,
            applied=self.applied,
            apply_error=self.error,
            job=self.job,
        )


class Node(ABC):
    absent_words = ""
    """The agent's error where the cluster has no such object."""

    def __init__(self, name: str, now: datetime) -> None:
        self.name = name
        self.uid = f"uid-{name}"
        self.now = now
        self.dark = False
        self.absent = False
        """Whether the cluster lacks the object."""
        self.executed: list[tuple[str, str]] = []
        """Transitions that were carried out: by which run ("" for a hand), to which stage."""
        self.jobs: dict[str, JobView] = {}
        """Jobs on the cluster, by name."""
        self.made: list[str] = []
        """The names of all Jobs that were ever made there."""
        self.job_time = timedelta(minutes=3)
        self.clock = timedelta()
        """How far the cluster's clock is ahead."""
        self.job_failure = ("", "")
        """Reason and message with which Jobs fail; empty: they succeed."""
        self.job_error = ""
        """Why the cluster takes no Job; empty: it does."""
        self.keeps_jobs = False
        """Whether a Job does not go when it is deleted."""
        self._script: Script = []
        self._due = now

    @abstractmethod
    def arm(self, run: Run, seed: tuple[str, str]) -> str:
        """Takes the run; returns the cluster's error, empty if it took it."""

    @abstractmethod
    def view(self, wanted: DesiredWork) -> FeedbackView:
        """Returns what the cluster feeds back."""

    def play(self, script: Script) -> None:
        self._script = script
        self._due = self.now + script[0][0]

    # -- time ------------------------------------------------------------------------------

    @property
    def due(self) -> datetime | None:
        return self._due if self._script else None

    def tick(self, now: datetime) -> bool:
        """Do what is due by then; whether anything was."""
        self.now = max(self.now, now)
        moved = False
        while self._script and self._due <= now:
            _, change = self._script.pop(0)
            change()
            moved = True
            if self._script:
                self._due += self._script[0][0]
        return moved

    # -- Jobs ------------------------------------------------------------------------------

    def make_job(self, name: str) -> None:
        self.made.append(name)
        self.jobs[name] = JobView(name=name, active=1)
        self.play([(self.job_time, lambda: self._end_job(name))])

    def _end_job(self, name: str) -> None:
        if name in self.jobs:
            reason, message = self.job_failure
            self.jobs[name] = JobView(
                name=name,
                complete=not reason,
                completed="" if reason else f"{self.now + self.clock:%Y-%m-%dT%H:%M:%SZ}",
                failed=bool(reason),
                reason=reason,
                message=message,
            )

    def sync_job(self, work: JobWork) -> bool:
        """Apply the work of a Job; whether its status changed. A Job that is not there is made,
        also one that somebody has deleted."""
        before = work.view()
        if self.dark or work.terminating:
            return False
        work.error, work.applied = self.job_error, not self.job_error
        if not work.error and work.job_name not in self.jobs:
            self.make_job(work.job_name)
        work.job = self.jobs.get(work.job_name)
        return work.view() != before

    # -- the work agent --------------------------------------------------------------------

    def sync(self, work: Work) -> bool:
        """Apply the work and feed back; whether its status changed."""
        before = work.view()
        if self.dark or work.terminating:
            return False
        self.obey(work)
        work.applied = work.generation
        work.available = "False" if self.absent else "True"
        if not self.absent:
            work.feedback = self.view(work.wanted)
        return work.view() != before

    def obey(self, work: Work) -> None:
        """Apply what is new or failed before, and report nothing."""
        if self.dark or work.terminating:
            return
        if work.taken != work.generation or work.error or self.absent:
            work.taken = work.generation
            work.error = self._apply(work)

    def _apply(self, work: Work) -> str:
        run = work.wanted.run
        if self.absent:
            return self.absent_words
        return self.arm(run, work.seed) if work.wanted.armed and run else ""
