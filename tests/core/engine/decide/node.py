"""A managed cluster with its work agent, whatever kind of object it has.

Pure and in virtual time. What an action does is a list of (pause, change) pairs, so that a fault is
another list.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime, timedelta

from ibgu.core.engine.works import DesiredWork
from ibgu.core.model import FeedbackView, Run, WorkView

Script = list[tuple[timedelta, Callable[[], None]]]


class Work:
    """A stage work on the hub, with the status that the agent has given it."""

    def __init__(self, uid: str) -> None:
        self.uid = uid
        self.generation = 0
        self.wanted = DesiredWork(armed=False)
        self.seed = ("", "")
        self.terminating = False
        self.edited = False
        self.taken = 0
        """The generation that the agent has applied, or tried to."""
        self.applied = 0
        """The generation that it has reported on."""
        self.error = ""
        self.available = ""
        self.feedback: FeedbackView | None = None

    def write(self, wanted: DesiredWork, seed: tuple[str, str]) -> None:
        self.generation += 1
        self.wanted, self.seed, self.edited = wanted, seed, False

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
            run=run.id if run else "",
            probe=probe.id if probe else "",
            restore=self.wanted.restore,
            applied=applied,
            apply_error=self.error if self.applied == self.generation else "",
            target_applied=applied,
            target_available=self.available,
            feedback=self.feedback,
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
