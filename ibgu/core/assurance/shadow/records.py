"""The records of shadow mode. All times are those of ibgu's observation, unless stated."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from ibgu.core.model import ActionName, Cause


class ShadowVerdict(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class ShadowOutcome(Struct, frozen=True):
    """The end of an action, as ibgu or TALM sees it."""

    verdict: ShadowVerdict
    at: datetime
    cause: Cause | None = None
    """The cause of a failure; the only one that TALM knows is a timeout."""
    message: str = ""


class SymptomKind(StrEnum):
    """A symptom that must stand for two minutes on a reachable cluster before it is a failure
    (R10.2)."""

    ABSENT = "absent"
    SPEC = "spec refused"
    TRANSITION = "transition refused"
    PAYLOAD = "payload refused"


class Symptom(Struct, frozen=True):
    kind: SymptomKind
    since: datetime
    message: str


class ShadowNote(Struct, frozen=True):
    """A line of a run's history."""

    at: datetime
    text: str
    gate: str = ""
    """The gate of a policy that would have held the start; empty: the line is about something
    else."""


class ShadowRun(Struct, frozen=True, kw_only=True):
    """One of TALM's actions on one cluster: what it showed, what TALM reported, what ibgu would
    have."""

    rollout: str
    """uid of the IBGU."""
    step: int
    """Counts from 0."""
    cluster: str
    action: ActionName
    work: str
    """Name of TALM's ManifestWork."""
    batch: int = 0
    """TALM's batch, from 1; 0: not known."""
    since: datetime
    """When TALM made the ManifestWork, by the hub's clock."""
    reachable: bool = True
    words: str = ""
    """The Lifecycle Agent's last words, as far as TALM's feedback brings them."""
    words_at: datetime | None = None
    symptom: Symptom | None = None
    ibgu: ShadowOutcome | None = None
    """ibgu's conclusion, at the first moment with sufficient evidence."""
    talm: ShadowOutcome | None = None
    gone_at: datetime | None = None
    """When TALM's ManifestWork was gone: nothing more is seen."""
    freed_at: datetime | None = None
    """When TALM's batch was over: only then could another cluster take the place."""
    notes: tuple[ShadowNote, ...] = ()

    @property
    def holds(self) -> tuple[ShadowNote, ...]:
        """Returns the lines about policies that would have held the start."""
        return tuple(note for note in self.notes if note.gate)

    @property
    def key(self) -> tuple[str, int, str, str]:
        return (self.rollout, self.step, self.cluster, self.action)

    @property
    def open(self) -> bool:
        """Whether the record may still change."""
        return self.freed_at is None or self.talm is None


class TalmBatch(Struct, frozen=True):
    """A batch of TALM's: its clusters start together, and the next one waits for the last of
    them."""

    clusters: tuple[str, ...]
    ended_at: datetime | None = None


class ShadowStep(Struct, frozen=True, kw_only=True):
    """One step of the plan, as TALM's ClusterGroupUpgrade shows it."""

    rollout: str
    index: int
    group: str
    """namespace/name of the ClusterGroupUpgrade."""
    actions: tuple[ActionName, ...]
    max_concurrency: int
    timeout_minutes: int
    batches: tuple[TalmBatch, ...] = ()
    batch: int = 0
    """The running batch, from 1; 0: none."""
    started_at: datetime | None = None
    """The time by TALM's own status, like the next one."""
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
    """Since when ibgu has watched the rollout."""
    progress: str = ""
    """TALM's own words (condition Progressing)."""
    complete: bool = False
    """Whether TALM reports the rollout as complete."""
    deleted: bool = False

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"
