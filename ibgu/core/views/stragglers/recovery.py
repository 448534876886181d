"""Tells the clusters that no plan takes further (R45), and what does."""

from collections.abc import Container, Mapping

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.names import MANUAL_CLEANUP_DONE
from ibgu.core.model import ActionName, Cause
from ibgu.core.views.stragglers.labels import unmet

_ABORTS = (Action.ABORT, Action.ABORT_ON_FAILURE)
_FINALIZES = (Action.FINALIZE_ROLLBACK, Action.FINALIZE_UPGRADE)


def runs_new_release(cause: str | None, labels: Container[str]) -> bool:
    """Whether the Upgrade has failed on the new release, and nothing has followed."""
    failed = Action.UPGRADE.failed_label in labels
    return failed and cause == Cause.UPGRADE_FAILED_AFTER_PIVOT


def needs_cleanup(cause: str | None, words: str) -> bool:
    """Whether someone has to clean up by hand; after one clean-up that did not help, the
    Lifecycle Agent's words say so."""
    if cause == Cause.TIMED_OUT:
        return MANUAL_CLEANUP_DONE in words
    return cause in (Cause.ABORT_FAILED, Cause.FINALIZE_FAILED)


def cleanup_action(
    cause: str | None, failed: ActionName | None, labels: Mapping[str, str]
) -> Action | None:
    """Returns the action that cleans up again on a cluster that needs it: the failed one, else one
    that its labels allow. None: they allow none.

    `failed` is another one where the probe met what a hand had left.
    """
    finalizes = cause == Cause.FINALIZE_FAILED or failed in _FINALIZES
    kinds = _FINALIZES if finalizes else _ABORTS
    candidates = (*(each for each in kinds if each == failed), *kinds)
    return next((each for each in candidates if not unmet(each, labels)), None)
