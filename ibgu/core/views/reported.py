"""Shows a ManifestWork of ibgu's to a person: what it asks for, and what the agent reports.

The work's content is not shown: its spec is not even decoded.
"""

from datetime import datetime

from msgspec import Struct

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.observe.ibu_state import IbuState, ibu_state
from ibgu.core.drivers.ibu.observe.ibu_view import ibu_of
from ibgu.core.engine.works import view_work
from ibgu.core.engine.works.trace import Trace, traces_of
from ibgu.core.model import WorkView, names
from ibgu.core.model.bounds import moment
from ibgu.core.model.conditions import bounded
from ibgu.core.model.kinds import Condition, FieldValue, ManifestCondition, ManifestWork
from ibgu.core.model.shown import HubObject
from ibgu.core.text.cut import cut


class Manifest(Struct, frozen=True):
    """One object that the work brings to the cluster."""

    kind: str
    namespace: str
    name: str
    conditions: tuple[Condition, ...]
    feedback: dict[str, str]
    """Value by name, as the agent reports it."""


class ReportedWork(Struct, frozen=True, kw_only=True):
    part: str
    """stage, payload or job"""
    rollout: str
    """namespace/name"""
    rollout_uid: str
    created_at: datetime | None
    work: WorkView
    run: Trace | None
    """The action that the work is armed for, or was last."""
    ibu_state: IbuState | None
    conditions: tuple[Condition, ...]
    manifests: tuple[Manifest, ...]


def reported(work: ManifestWork) -> ReportedWork:
    meta, view = work.metadata, view_work(IBU, work)
    ibu = ibu_of(view)
    return ReportedWork(
        part=meta.labels.get(names.PART, ""),
        rollout=meta.annotations.get(names.ROLLOUT, ""),
        rollout_uid=meta.labels.get(names.ROLLOUT, ""),
        created_at=moment(meta.creation_timestamp),
        work=view,
        run=traces_of([HubObject(meta, view)]).get(meta.namespace),
        ibu_state=ibu_state(ibu) if ibu else None,
        conditions=tuple(map(bounded, work.status.conditions)),
        manifests=tuple(map(_manifest, work.status.resource_status.manifests)),
    )


def asks(found: ReportedWork) -> str:
    """Returns what the work asks of the cluster; empty: it only carries something."""
    run = found.run
    if found.part == names.JOB and run is not None:
        return f"{run.action}: a Job on the cluster, which goes with this work"
    if found.part != names.STAGE:
        return ""
    if run is None:
        return "nothing: ibgu only watches the cluster"
    ended = f"it ended: {run.outcome}; " if run.outcome else ""
    armed = "armed" if found.work.armed else "disarmed, only watched"
    return f"{run.action}, attempt {run.attempt} ({ended}{armed})"


def agent(found: ReportedWork) -> str:
    """Returns what the cluster's agent has done about the work."""
    work = found.work
    marks = {
        "the work is being deleted": work.terminating,
        "edited by someone else": work.edited,
    }
    suffix = "".join(f"; {words}" for words, so in marks.items() if so)
    if not (found.conditions or found.manifests):
        return f"has reported nothing yet{suffix}"
    if work.applied:
        return f"has applied this version{suffix}"
    return f"has not applied this version yet{suffix}"


def stands(found: ReportedWork) -> str:
    """Returns the cluster's state as fed back; empty: no feedback."""
    ibu = ibu_of(found.work)
    if ibu is None:
        return ""
    marks = {
        "the Lifecycle Agent has not seen the stage yet": not ibu.current,
        "the agent can't read it, so this is old": found.work.target_available != "True",
    }
    suffix = "".join(f"; {words}" for words, so in marks.items() if so)
    follow = ", ".join(sorted(ibu.next_stages)) or "nothing"
    seed = f", seed {ibu.seed_version}" if ibu.seed_version else ""
    return f"{found.ibu_state}: stage {ibu.stage}{seed}; may follow: {follow}{suffix}"


def _manifest(entry: ManifestCondition) -> Manifest:
    meta = entry.resource_meta
    values = entry.status_feedback.values
    return Manifest(
        meta.kind,
        meta.namespace,
        meta.name,
        tuple(map(bounded, entry.conditions)),
        {cut(value.name): _text(value.field_value) for value in values},
    )


def _text(value: FieldValue) -> str:
    if value.boolean is not None:
        return str(value.boolean).lower()
    return str(value.integer) if value.integer is not None else cut(value.string or "")
