"""Converts the feedback values that `drivers.ibu.feedback` names to an IbuView."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from sys import intern

from ibgu.core.drivers.ibu import feedback as names
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.observe.ibu_view import MISSING, IbuCondition, IbuView
from ibgu.core.engine.works.config import answered_probes
from ibgu.core.model.bounds import moment
from ibgu.core.model.kinds import FeedbackValue, FieldValue
from ibgu.core.text.cut import cut

_NOTHING = FieldValue()
Values = Mapping[str, FieldValue]


def view_ibu(values: Iterable[FeedbackValue]) -> IbuView:
    """Returns the ImageBasedUpgrade as far as it was fed back; a value that is missing is empty."""
    found = {value.name: value.field_value for value in values}
    return IbuView(
        stage=_text(found, names.STAGE),
        generation=_number(found, names.GENERATION),
        observed_generation=_number(found, names.OBSERVED_GENERATION),
        run=_text(found, names.RUN_ECHO),
        idle=_condition(found, "idle"),
        prep_in_progress=_condition(found, "prepInProgress"),
        prep_completed=_condition(found, "prepCompleted"),
        upgrade_in_progress=_condition(found, "upgradeInProgress"),
        upgrade_completed=_condition(found, "upgradeCompleted"),
        rollback_in_progress=_condition(found, "rollbackInProgress"),
        rollback_completed=_condition(found, "rollbackCompleted"),
        next_stages=_stages(tuple(filter(found.__contains__, names.NEXT_STAGES))),
        seed_image=_text(found, names.SEED_IMAGE),
        seed_version=_text(found, names.SEED_VERSION),
        probes=answered_probes(found),
        warning=_warning(found),
        rollback_until=moment(_text(found, names.ROLLBACK_UNTIL)),
    )


def _text(found: Values, name: str) -> str:
    return intern(cut(found.get(name, _NOTHING).string or ""))


def _warning(found: Values) -> str:
    """Returns what Prep warned of, as long as it concerns what follows: the annotation stays until
    Idle, but Upgrade applies the manifests."""
    prepared = _text(found, "prepCompletedStatus") == "True"
    begun = _text(found, "upgradeInProgressStatus") or _text(found, "upgradeCompletedStatus")
    return "" if begun or not prepared else _text(found, names.WARNING)


def _number(found: Values, name: str) -> int:
    return found.get(name, _NOTHING).integer or 0


def _condition(found: Values, prefix: str) -> IbuCondition:
    status = _text(found, f"{prefix}Status")
    if not status:
        return MISSING
    reason = _text(found, f"{prefix}Reason")
    return _shared(status, reason, _text(found, f"{prefix}Message"))


@lru_cache(4096)
def _shared(status: str, reason: str, message: str) -> IbuCondition:
    return IbuCondition(status, reason, message)


@lru_cache
def _stages(values: tuple[str, ...]) -> frozenset[Stage]:
    return frozenset(names.NEXT_STAGES[value] for value in values)
