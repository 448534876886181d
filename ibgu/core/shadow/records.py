"""What shadow mode keeps. All times are those at which ibgu saw it, unless said."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from ibgu.core.model import Action, Cause


class Verdict(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Told(Struct, frozen=True):
    """How an action ended, in somebody's eyes."""

    verdict: Verdict
    at: datetime
    cause: Cause | None = None
    """Of a failure; TALM knows only one, that time is over."""
    message: str = ""


class SymptomKind(StrEnum):
    """What must stand for two minutes on a reachable cluster before it is a failure (R10.2)."""

    ABSENT = "absent"
    SPEC = "spec refused"
    TRANSITION = "transition refused"
    PAYLOAD = "payload refused"


class Symptom(Struct, frozen=True):
    kind: SymptomKind
    since: datetime
    message: str


class Note(Struct, frozen=True):
    """A line of a run's history."""

    at: datetime
    text: str


class ShadowRun(Struct, frozen=True, kw_only=True):
    """One action of TALM's on one cluster: what it showed, what TALM said, what ibgu would have."""

    rollout: str
    """uid of the IBGU."""
    step: int
    """From 0."""
    cluster: str
    action: Action
    work: str
    """Name of TALM's ManifestWork."""
    batch: int = 0
    """TALM's, from 1; 0: not known."""
    since: datetime
    """When TALM made the ManifestWork, by the hub's clock."""
    reachable: bool = True
    words: str = ""
    """The Lifecycle Agent's last ones, as far as TALM's feedback brings them."""
    words_at: datetime | None = None
    symptom: Symptom | None = None
    ibgu: Told | None = None
    """What ibgu would have concluded, at the first moment at which the evidence was there."""
    talm: Told | None = None
    gone_at: datetime | None = None
    """TALM's ManifestWork is no longer there: nothing more is seen."""
    freed_at: datetime | None = None
    """TALM's batch was over: only now another cluster could take the place."""
    notes: tuple[Note, ...] = ()

    @property
    def key(self) -> tuple[str, int, str, str]:
        return (self.rollout, self.step, self.cluster, self.action)

    @property
    def open(self) -> bool:
        """Something about it may still change."""
        return self.freed_at is None or self.talm is None


class Batch(Struct, frozen=True):
    """Of TALM's: its clusters start together, and the next one waits for the last of them."""

    clusters: tuple[str, ...]
    ended_at: datetime | None = None


class ShadowStep(Struct, frozen=True, kw_only=True):
    """One step of the plan, as TALM's ClusterGroupUpgrade shows it."""

    rollout: str
    index: int
    group: str
    """namespace/name of the ClusterGroupUpgrade."""
    actions: tuple[Action, ...]
    max_concurrency: int
    timeout_minutes: int
    batches: tuple[Batch, ...] = ()
    batch: int = 0
    """The one that runs, from 1; 0: none."""
    started_at: datetime | None = None
    """By TALM's own word, as the next one."""
    finished_at: datetime | None = None

    @property
    def key(self) -> tuple[str, int]:
        return (self.rollout, self.index)

    @property
    def total(self) -> int:
        return sum(len(batch.clusters) for batch in self.batches)


class ShadowRollout(Struct, frozen=True, kw_only=True):
    """One IBGU that TALM carries out."""

    uid: str
    namespace: str
    name: str
    created_at: datetime
    seed_image: str = ""
    seed_version: str = ""
    plan: tuple[tuple[str, ...], ...] = ()
    watched_since: datetime
    """What was before that, ibgu has not seen."""
    progress: str = ""
    """TALM's own words (condition Progressing)."""
    complete: bool = False
    """TALM says so."""
    deleted: bool = False

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"
