"""Maps a cluster's works."""

from collections.abc import Iterable

from ibgu.api.works.schemas import ConditionBody, IbuBody, ManifestBody, WorkBody, WorkRunBody
from ibgu.core.drivers.ibu.observe.ibu_state import IbuState
from ibgu.core.drivers.ibu.observe.ibu_view import ibu_of
from ibgu.core.engine.works.trace import Trace
from ibgu.core.model import WorkView
from ibgu.core.model.bounds import moment
from ibgu.core.model.kinds import Condition
from ibgu.core.views.reported import Manifest, ReportedWork, agent, asks, stands

_FROM_REPORTED = ("part", "rollout", "rollout_uid", "created_at")
_FROM_WORK = ("name", "generation", "terminating", "edited", "armed", "applied", "apply_error")


def work_body(found: ReportedWork) -> WorkBody:
    return WorkBody(
        asks=asks(found),
        agent=agent(found),
        stands=stands(found),
        **{name: getattr(found, name) for name in _FROM_REPORTED},
        **{name: getattr(found.work, name) for name in _FROM_WORK},
        run=_run(found.run) if found.run else None,
        ibu=_ibu(found.work, found.ibu_state),
        conditions=_conditions(found.conditions),
        manifests=[_manifest(each) for each in found.manifests],
    )


def _run(trace: Trace) -> WorkRunBody:
    return WorkRunBody(
        id=trace.run,
        action=trace.action,
        attempt=trace.attempt,
        started_at=trace.started,
        limit=trace.limit,
        result=trace.outcome,
    )


def _ibu(work: WorkView, state: IbuState | None) -> IbuBody | None:
    ibu = ibu_of(work)
    if ibu is None or state is None:
        return None
    return IbuBody(
        state=state,
        stage=ibu.stage,
        generation=ibu.generation,
        observed_generation=ibu.observed_generation,
        available=work.target_available,
        next_stages=sorted(ibu.next_stages),
        seed=ibu.seed_version,
        run=ibu.run,
    )


def _manifest(each: Manifest) -> ManifestBody:
    return ManifestBody(
        kind=each.kind,
        namespace=each.namespace,
        name=each.name,
        conditions=_conditions(each.conditions),
        feedback=each.feedback,
    )


def _conditions(found: Iterable[Condition]) -> list[ConditionBody]:
    return [
        ConditionBody(
            type=each.type,
            status=each.status,
            reason=each.reason,
            message=each.message,
            observed_generation=each.observed_generation,
            last_transition_time=moment(each.last_transition_time),
        )
        for each in found
    ]
