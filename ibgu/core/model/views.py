"""What the hub shows about one cluster, digested: the input of every decision."""

from msgspec import Struct

from ibgu.core.model.actions import Stage


class ClusterView(Struct, frozen=True, gc=False, kw_only=True):
    """A ManagedCluster."""

    name: str
    uid: str
    accepted: bool
    deleting: bool
    reachable: bool
    """ManagedClusterConditionAvailable is True, nothing else (R7.5)."""
    local: bool
    """The hub itself."""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    """Those that ibgu puts on it (R14.1), whoever did."""


class IbuCondition(Struct, frozen=True, gc=False):
    status: str = ""
    reason: str = ""
    message: str = ""

    @property
    def true(self) -> bool:
        return self.status == "True"

    @property
    def false(self) -> bool:
        return self.status == "False"


MISSING = IbuCondition()


class IbuView(Struct, frozen=True, gc=False, kw_only=True):
    """The cluster's ImageBasedUpgrade as fed back; absent values are empty."""

    stage: str = ""
    generation: int = 0
    observed_generation: int = 0
    run: str = ""
    """The run id that the IBU carries (R7.1)."""
    idle: IbuCondition = MISSING
    prep_in_progress: IbuCondition = MISSING
    prep_completed: IbuCondition = MISSING
    upgrade_in_progress: IbuCondition = MISSING
    upgrade_completed: IbuCondition = MISSING
    rollback_in_progress: IbuCondition = MISSING
    rollback_completed: IbuCondition = MISSING
    next_stages: frozenset[Stage] = frozenset()
    seed_image: str = ""
    seed_version: str = ""
    probes: frozenset[str] = frozenset()
    """Ids of the looks that this feedback answers."""

    @property
    def current(self) -> bool:
        """The Lifecycle Agent has seen the spec that its conditions stand beside (R7.2)."""
        return self.generation > 0 and self.observed_generation == self.generation


class WorkView(Struct, frozen=True, gc=False, kw_only=True):
    """A ManifestWork of ours (stage or payload)."""

    name: str
    uid: str
    resource_version: str
    generation: int
    terminating: bool = False
    edited: bool = False
    """Its spec is not the one of our last write (the generation went past it)."""
    armed: bool = False
    run: str = ""
    """The run that the work is armed for, or was last."""
    probe: str = ""
    """The id of the newest look that the work asks."""
    restore: str = ""
    """The restore that its rollout had gone through when the work was written last."""
    digest: str = ""
    """Payload works: digest of the content."""
    applied: bool = False
    """The work's Applied condition is True and of the current generation."""
    apply_error: str = ""
    """Words of the manifest that was not applied in the current generation."""
    ibu_applied: bool = False
    """The IBU's entry is Applied=True of the current generation."""
    ibu_available: str = ""
    """The IBU's entry: status of Available ("" while unknown)."""
    ibu_message: str = ""
    """The IBU's entry: message of Available."""
    ibu: IbuView | None = None
    """None while nothing was fed back."""

    @property
    def settled(self) -> bool:
        """The agent has dealt with this very version, and the values are not frozen (R7.2)."""
        return (
            not self.terminating
            and self.applied
            and self.ibu_applied
            and self.ibu_available == "True"
        )


class Observation(Struct, frozen=True, kw_only=True):
    """All that the hub shows about one cluster of one rollout, in one moment."""

    cluster: ClusterView | None
    """None: no ManagedCluster of that name."""
    stage: WorkView | None = None
    payload: WorkView | None = None
    writing: bool = False
    """A write of the stage work is queued or on its way: what is shown is about to change."""
    refusal: str = ""
    """The hub's words for the newest write of the stage work that it refused for good (4xx)."""
    payload_writing: bool = False
    """The same of the payload work: it may be on its way out."""
    payload_refusal: str = ""
    denied: str = ""
    """What ibgu may not do to the cluster's works, and what to do about it; empty: nothing was
    denied, or it is not known yet."""
    labels_denied: str = ""
    """The same of the ManagedCluster's labels and annotations."""
    talm: str = ""
    """TALM's ManifestWork that acts on the cluster, as namespace/name; empty: there is none."""
