"""Names that ibgu writes on the hub, and reads back."""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import TypeVar

IBGU = "ImageBasedGroupUpgrade"
"""The kind of the objects that ask for image-based upgrades."""
FLEET_UPDATE = "FleetUpdate"
"""The kind of the objects that ask for updates to another release."""
MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "ibgu"
SELECTOR = f"{MANAGED_BY}={MANAGER}"
"""Label selector of the one watch on all works."""

# On works. As a label ROLLOUT holds the rollout's uid, as an annotation its namespace/name.
ROLLOUT = "ibgu.dev/rollout"
PART = "ibgu.dev/part"
"""Label: STAGE, PAYLOAD or JOB."""
STAGE = "stage"
PAYLOAD = "payload"
JOB = "job"

RUN = "ibgu.dev/run"
"""The run's id, also on the IBU itself, from where it is fed back (R7.1)."""
ARMING = "ibgu.dev/arming"
ARMED = "armed"
DISARMED = "disarmed"
RESUMING = "resuming"
"""The work asks for no action, and resumes what was paused."""
PROBE = "ibgu.dev/probe"
RESTORE = "ibgu.dev/restore"
"""The restore that the work was written after, if there was one."""
GENERATION = "ibgu.dev/generation"
"""The generation that our last write gave the work; a later one is someone else's (R9.8)."""
DIGEST = "ibgu.dev/digest"
ACTION = "ibgu.dev/action"
ATTEMPT = "ibgu.dev/attempt"
STARTED = "ibgu.dev/started"
LIMIT = "ibgu.dev/limit"
OUTCOME = "ibgu.dev/outcome"
REFRESH = "ibgu.dev/refresh-feedback"
"""Touching it makes the agent read the cluster now (R21.3)."""

PAUSED_BY = "ibgu.dev/paused-by"
"""On what is paused on a cluster: the uid of the rollout."""

FOLLOW_UP_OF = "ibgu.dev/follow-up-of"
"""The label of a rollout that ibgu has made because a policy says so: the uid of the one before."""
FOLLOW_UP_POLICY = "ibgu.dev/follow-up-policy"
FOLLOW_UP_REASON = "ibgu.dev/follow-up-reason"

# On ManagedClusters (R14.1).
NAME_LABEL = "name"
"""A label that Advanced Cluster Management sets on every ManagedCluster, with its name as value."""
DISABLE_AUTO_IMPORT = "import.open-cluster-management.io/disable-auto-import"
AUTO_IMPORT_BY = "ibgu.dev/auto-import-by"
TIME_ZONE = "ibgu.dev/time-zone"
"""The annotation or label of a ManagedCluster with its time zone, such as Europe/Berlin. In a label
a dot stands for each slash."""
HOLD = "ibgu.dev/hold"
"""The annotation of a ManagedCluster on which nothing new starts, with who holds it."""
HOLD_UNTIL = "ibgu.dev/hold-until"
"""When the hold ends, such as 2026-12-02T00:00:00Z; without it, when HOLD is removed."""
HOLD_REASON = "ibgu.dev/hold-reason"
OF_CLUSTERS = (DISABLE_AUTO_IMPORT, AUTO_IMPORT_BY, TIME_ZONE, HOLD, HOLD_UNTIL, HOLD_REASON)
"""The annotations that ibgu reads of ManagedClusters."""

CLAIMS = (
    "version.openshift.io",
    "product.open-cluster-management.io",
    "controlplanetopology.openshift.io",
)
"""The claims of ManagedClusters that preflight reads: release, product and topology."""

# Controls on the IBGU: a closed list.
RESUME = "ibgu.dev/resume"
SKIP = "ibgu.dev/skip"
CIRCUIT_BREAKER = "ibgu.dev/circuit-breaker"
CIRCUIT_BREAKER_OFF = "off"
"""The only value of the control."""
ADOPT = "ibgu.dev/adopt"
PAUSE = "ibgu.dev/pause"
"""While the annotation is there, whatever its value, nothing new starts."""
RESUMED_BY = "ibgu.dev/resumed-by"
"""User and time, written when a pause is removed, which by itself leaves no trace of who did it.
Not a control."""
CONTROLS = (RESUME, SKIP, CIRCUIT_BREAKER, ADOPT)
"""Controls that are acted on once per value."""
MANUAL_CLEANUP_DONE = "ibgu.dev/manual-cleanup-done"
"""A person's statement that the rollout's clusters were cleaned up by hand: who, when and how."""
STARTS_PER_MINUTE = "ibgu.dev/starts-per-minute"
START_JITTER = "ibgu.dev/start-jitter"
RAMP_UP = "ibgu.dev/ramp-up"
HOLD_ON_WARNING = "ibgu.dev/hold-on-warning"
"""While the annotation is there, whatever its value, clusters that have warned wait for a
person."""
PREFLIGHT = "ibgu.dev/preflight"
"""What becomes of preflight's findings: off, warn (the default) or enforce."""
BACKUP = "ibgu.dev/backup"
"""The form of the backup that is taken of each cluster before its Upgrade: Etcd or Full."""
BACKUP_IMAGE = "ibgu.dev/backup-image"
BACKUP_PATH = "ibgu.dev/backup-path"
BACKUP_MAX_AGE = "ibgu.dev/backup-max-age"
"""The annotation is in minutes."""
BACKUP_ANNOTATIONS = (BACKUP, BACKUP_IMAGE, BACKUP_PATH, BACKUP_MAX_AGE)
"""Annotations that are in force while they are there, for steps with Upgrade."""
RATE_LIMIT_ANNOTATIONS = (STARTS_PER_MINUTE, START_JITTER, RAMP_UP)
"""Annotations that are in force while they are there, for steps that begin with Prep or Upgrade."""

REST_MANAGERS = {"page": "ibgu-page:", "cli": "ibgu-cli:", "rest": "ibgu-rest:"}
"""The prefix of the user's name in the field manager of changes that ibgu's REST API makes for
somebody."""

_READABLE = 120
"""A name of this length stays, with digest and part, below 189, so that OCM's AppliedManifestWork
("<64 hex digits>-<name>") stays below 253."""


_MAX_CONTROL = 256
"""Bytes: each event of a rollout repeats all of its controls."""


Control = TypeVar("Control", str, str | None)


def journaled(control: Control) -> Control:
    """Returns a control's value as the journal keeps it: a long one as its digest."""
    data = control.encode(errors="replace") if control is not None else b""
    if len(data) <= _MAX_CONTROL:
        return control
    return f"sha256:{sha256(data).hexdigest()}"


def step_author(step: int) -> str:
    """Returns the annotation by which a user says that they are the author of a plan's step, by its
    index. An admission policy lets users name nobody but themselves there."""
    return f"ibgu.dev/step-{step + 1}-author"


STEP_AUTHORS = tuple(map(step_author, range(20)))
"""The annotations of as many steps as the admission policy knows."""


def step_authors(annotations: Mapping[str, str]) -> dict[str, str]:
    """Returns the annotations that name authors of steps."""
    return {key: annotations[key] for key in STEP_AUTHORS if annotations.get(key)}


def stage_name(rollout_uid: str, ibgu_name: str) -> str:
    return _name(rollout_uid, ibgu_name, STAGE)


def payload_name(rollout_uid: str, ibgu_name: str) -> str:
    return _name(rollout_uid, ibgu_name, PAYLOAD)


def job_name(rollout_uid: str, ibgu_name: str) -> str:
    return _name(rollout_uid, ibgu_name, JOB)


@lru_cache(maxsize=4096)
def _name(rollout_uid: str, ibgu_name: str, part: str) -> str:
    digest = sha256(rollout_uid.encode()).hexdigest()[:12]
    readable = ibgu_name[:_READABLE].rstrip("-.")
    return f"{readable}-{digest}-{part}"
