"""Judges which clusters of a rollout can be cancelled, rolled back or finalized, and why not the
others.

The labels decide, as TALM's manual asks of them; every run still probes the cluster (R8.1).
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from ibgu.core.drivers import traits
from ibgu.core.drivers.ibu.actions import IBU_ACTIONS, Action
from ibgu.core.model import Cause, InFlight, Member, Outcome, Waiting
from ibgu.core.views.stragglers.recovery import cleanup_action, needs_cleanup, runs_new_release

_UPGRADED = Action.UPGRADE.completed_label
_ROLLED_BACK = Action.ROLLBACK.completed_label
_FAILED = IBU_ACTIONS.abortable


class CancelScope(StrEnum):
    """The clusters that a cancellation takes."""

    ALL = "all"
    """Every cluster that is not upgraded yet."""
    WAITING = "waiting"
    """The clusters that wait in the running step."""
    FAILED = "failed"
    """The clusters whose Prep or Upgrade has failed."""


class RolloutCluster(Struct, frozen=True):
    """A cluster of a rollout: its newest member there, and what else is known of it now."""

    member: Member
    labels: Mapping[str, str] | None
    """The ManagedCluster's; None: it is gone."""
    newer: str = ""
    """The newest rollout since that has acted on the cluster, by the name that the caller may know;
    empty: none has."""
    holder: str = ""
    """Another rollout that has claimed the cluster."""
    waits_in: str = ""
    """The newest rollout since in which the cluster only waits."""
    aborted: bool = False
    """Whether a newer rollout, which did nothing else, has taken the failed cluster to Idle."""

    @property
    def name(self) -> str:
        return self.member.cluster

    @property
    def in_flight(self) -> bool:
        return isinstance(self.member, InFlight)


class UnfitCluster(Struct, frozen=True):
    why: str
    expected: bool = False
    """Whether the change is not about such clusters: they are not listed as left out."""
    elsewhere: bool = False
    """Whether another rollout has the cluster."""


_ALREADY_BACK = "rolled back: finalize the rollout that did it"
_GONE = UnfitCluster("no ManagedCluster of that name is on the hub")


def unfit_to_cancel(each: RolloutCluster, which: CancelScope) -> UnfitCluster | None:
    if each.labels is None:
        return _GONE
    if _UPGRADED in each.labels:
        why = "upgraded already: roll it back, or finalize it"
        if _ROLLED_BACK in each.labels:
            why = _ALREADY_BACK
        return UnfitCluster(why, which is not CancelScope.ALL)
    if each.member.cause is Cause.UPGRADE_FAILED_AFTER_PIVOT:
        return UnfitCluster("its Upgrade failed on the new release: it can only be rolled back")
    if which is CancelScope.FAILED and (unlabelled := _unlabelled(each, each.labels)):
        # Wherever it is: without the label a next step would not take it, either.
        other = _elsewhere(each)
        return UnfitCluster(other.why if other else unlabelled)
    if outside := _outside(each, each.labels, which):
        return UnfitCluster(outside, expected=True)
    if which is CancelScope.FAILED:
        return _under_way(each) or _elsewhere(each)
    return _elsewhere(each)


def unfit_to_roll_back(each: RolloutCluster, *, failed: bool = False) -> UnfitCluster | None:
    """`failed`: clusters whose Upgrade has failed on the new release, instead of upgraded ones."""
    if each.labels is None:
        return _GONE
    if _ROLLED_BACK in each.labels:
        return UnfitCluster("rolled back already", expected=True)
    stays = runs_new_release(each.member.cause, each.labels)
    if failed:
        return (
            _elsewhere(each) if stays else UnfitCluster("has not failed on the new release", True)
        )
    if stays and _UPGRADED not in each.labels:
        return UnfitCluster("failed on the new release: `ibgu rollback --failed`")
    if _UPGRADED not in each.labels:
        return _not_upgraded(each)
    return _under_way(each) or _elsewhere(each)


def unfit_to_clean_up(each: RolloutCluster, action: Action | None) -> UnfitCluster | None:
    """`action`: only clusters that run it again; None: any."""
    member = each.member
    if each.labels is None:
        return _GONE
    if not needs_cleanup(member.cause, member.message):
        return UnfitCluster("needs no clean-up", True)
    own = cleanup_action(member.cause, member.failed_action, each.labels)
    if own is None:
        return UnfitCluster("its labels allow neither an abort nor a finalize")
    return _elsewhere(each) if action in (None, own) else UnfitCluster(f"runs {own} again", True)


def unfit_to_finalize(each: RolloutCluster, action: Action) -> UnfitCluster | None:
    """`action`: FinalizeUpgrade or FinalizeRollback."""
    if each.labels is None:
        return _GONE
    if action == Action.FINALIZE_ROLLBACK and _ROLLED_BACK not in each.labels:
        return UnfitCluster("not rolled back", expected=each.member.outcome is Outcome.SUCCEEDED)
    if action == Action.FINALIZE_UPGRADE:
        if _ROLLED_BACK in each.labels:
            return UnfitCluster(_ALREADY_BACK)
        if _UPGRADED not in each.labels:
            return _not_upgraded(each)
    if needs_cleanup(each.member.cause, each.member.message):
        return UnfitCluster("clean up by hand, then `ibgu confirm-cleanup`")
    return _under_way(each) or _elsewhere(each)


UPGRADE_LABELS = (_UPGRADED, Action.UPGRADE.failed_label, _ROLLED_BACK)
"""The labels by which a cluster can be finalized or rolled back."""

UpgradeLabels = tuple[Cause | None, frozenset[str]]
"""The cause of a cluster's failure, and those of UPGRADE_LABELS that it has."""


def may_roll_back(found: UpgradeLabels) -> bool:
    cause, labels = found
    if _ROLLED_BACK in labels:
        return False
    return _UPGRADED in labels or runs_new_release(cause, labels)


def may_finalize(found: UpgradeLabels, action: Action) -> bool:
    """`action`: FinalizeUpgrade or FinalizeRollback."""
    _, labels = found
    if action == Action.FINALIZE_ROLLBACK:
        return _ROLLED_BACK in labels
    return _UPGRADED in labels and _ROLLED_BACK not in labels


def _outside(each: RolloutCluster, labels: Mapping[str, str], which: CancelScope) -> str:
    """Returns why the cluster is none of those that are meant; empty: it is one."""
    member = each.member
    if which is CancelScope.WAITING:
        return "" if isinstance(member, Waiting) else "does not wait"
    if which is CancelScope.FAILED:
        failed = failed_by(labels)
        if failed and (each.aborted or taken_back(member)):
            return "back at Idle, but its labels are not removed yet"
        return "" if failed else "no Prep or Upgrade has failed"
    if not member.finished or failed_by(labels) or _PREPARED in labels:
        return ""
    # What failed without a label, such as a Prep that ibgu no longer watches, may still run.
    return "" if member.outcome is Outcome.FAILED else "nothing is left to cancel"


_PREPARED = Action.PREP.completed_label
_LABELLED = (Cause.PREP_FAILED, Cause.UPGRADE_FAILED, Cause.TIMED_OUT)
"""The causes that may set a label of a failure (R13.4)."""


def _unlabelled(each: RolloutCluster, labels: Mapping[str, str]) -> str:
    """Returns why AbortOnFailure does not take a cluster that has failed, as it asks for a label of
    the failure (R4); empty: it does, or nothing is left to take back."""
    member = each.member
    if member.outcome is not Outcome.FAILED or each.aborted or failed_by(labels):
        return ""
    if member.cause in _LABELLED:
        why = "its label of a failure is not set yet, or was removed"
    else:
        why = f"{member.cause} sets no label of a failure"
    return f"{why}: name it without --failed to abort it"


def _not_upgraded(each: RolloutCluster) -> UnfitCluster:
    member = each.member
    if member.completed and member.completed[-1].action == Action.FINALIZE_UPGRADE:
        return UnfitCluster("finalized: the release from before the upgrade is gone", expected=True)
    failed = member.failed_action
    if member.late and failed == Action.UPGRADE:
        return UnfitCluster(
            f"its Upgrade {member.late}: if it still runs the new release, set the label "
            f"{_UPGRADED} on its ManagedCluster first"
        )
    if failed is not None and member.cause is Cause.WRONG_STATE and traits(failed).aborts:
        return UnfitCluster(f"its state allowed no {failed}: `ibgu explain` says what can follow")
    if member.cause is Cause.PREEMPTED and failed == Action.UPGRADE:
        # It may run the new release: the rollout that has taken it knows.
        return _elsewhere(each) or UnfitCluster("its Upgrade was cancelled")
    if member.outcome is Outcome.FAILED:
        return UnfitCluster(f"not upgraded: its {failed} failed")
    return UnfitCluster("not upgraded", expected=True)


def failed_by(labels: Mapping[str, str]) -> bool:
    """Whether the labels say that a Prep or Upgrade has failed."""
    return any(label in labels for label in _FAILED)


def taken_back(member: Member) -> bool:
    """Whether a step of the plan that takes only failed clusters has taken the cluster back."""
    after_failure = [traits(done.action).after_failure for done in member.completed[-1:]]
    return member.outcome is Outcome.SUCCEEDED and any(after_failure)


def _under_way(each: RolloutCluster) -> UnfitCluster | None:
    member = each.member
    if not isinstance(member, InFlight):
        return None
    return UnfitCluster(f"{member.run.action} is under way")


def _elsewhere(each: RolloutCluster) -> UnfitCluster | None:
    """Returns that another rollout has the cluster. A cluster in flight is this one's again."""
    if each.newer and not each.in_flight:
        return UnfitCluster(f"in {each.newer} now", elsewhere=True)
    return UnfitCluster(f"{each.holder} works on it", elsewhere=True) if each.holder else None
