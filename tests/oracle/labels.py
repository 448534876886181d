"""Checks that labels follow outcomes (R13): each asks for its change once, and nothing else
does."""

from tests.oracle.audit import EventContext, MemberEventContext
from tests.oracle.cases import DueLabels, MemberCase
from tests.oracle.events import Event
from tests.oracle.rules import Rule


def due_after_success(spot: MemberEventContext, action: str) -> None:
    proofs = spot.proofs
    name = f"{proofs.label_prefix}{action.lower()}"
    kept = {f"{name}-completed": "", f"{name}-failed": None}
    wanted = kept if action in proofs.labels else {}
    _due(spot, f"{action} succeeded", wanted)


def due_after_failure(spot: MemberEventContext, action: str) -> None:
    _due(spot, f"{action} failed", {f"{spot.proofs.label_prefix}{action.lower()}-failed": ""})


def _due(spot: MemberEventContext, outcome: str, wanted: dict[str, str | None]) -> None:
    applied_so_far(spot)
    spot.member.due = DueLabels(spot.event.seq, outcome, wanted)


def applied_so_far(spot: MemberEventContext) -> None:
    due = spot.member.due
    words = f"{spot.name}: the labels for '{due.outcome if due else ''}' were never recorded"
    spot.require(Rule.LABELS, due is None, words, due.seq if due else 0)
    spot.member.due = None


def of_annotations(event: Event) -> bool:
    """Whether the event is about annotations of a cluster alone, and no outcome asks for it."""
    data = event.data
    return event.kind.startswith("Labels") and not data.get("labels") and "asked" not in data


def pending_labels(spot: EventContext) -> None:
    """Checks that an outcome's labels are asked for once, and that nothing else is pending."""
    event, cluster = spot.event, spot.audit.cluster(spot.event.cluster_uid or "")
    asked = event.data.get("asked")
    if asked is not None:
        _asked(spot, asked)
    shown = {**cluster.pending_labels, **(asked or {})}
    changes = {key: wanted for key, (_, wanted) in event.data.get("labels", {}).items()}
    extra = sorted(key for key, wanted in changes.items() if shown.get(key, "?") != wanted)
    words = f"{event.cluster} has pending labels that no outcome asks for: {', '.join(extra)}"
    spot.require(Rule.LABELS, not extra, words)
    cluster.pending_labels = changes


def _asked(spot: EventContext, asked: dict[str, str | None]) -> None:
    member = _waiting_for_it(spot)
    if member is None and (adopted := _just_adopted(spot)):
        adopted.adopted = False
        spot.require(
            Rule.LABELS,
            all(k.startswith(spot.proofs.label_prefix) for k in asked),
            _label_list(spot, asked),
        )
        return
    due = member.due if member else None
    words = f"labels of {spot.event.cluster} change without an outcome: {_label_list(spot, asked)}"
    if not spot.require(Rule.LABELS, due is not None, words) or due is None or member is None:
        return
    fits = asked == due.wanted if due.wanted else _clears(spot, asked)
    words = f"'{due.outcome}' asks for {_label_list(spot, asked)} on {spot.event.cluster}"
    spot.require(Rule.LABELS, fits, words, due.seq)
    member.due = None


def _waiting_for_it(spot: EventContext) -> MemberCase | None:
    """Returns the cluster's member, in whichever step, whose outcome was not accounted for."""
    name = spot.event.cluster or ""
    found = (step.members.get(name) for step in reversed(spot.rollout.steps))
    return next((member for member in found if member and member.due), None)


def _just_adopted(spot: EventContext) -> MemberCase | None:
    """Returns the adopted or imported member, whose outcome ibgu labels once if nobody did."""
    name = spot.event.cluster or ""
    found = (step.members.get(name) for step in reversed(spot.rollout.steps))
    return next((member for member in found if member and member.adopted), None)


def _clears(spot: EventContext, asked: dict[str, str | None]) -> bool:
    return all(
        key.startswith(spot.proofs.label_prefix) and wanted is None for key, wanted in asked.items()
    )


def _label_list(spot: EventContext, asked: dict[str, str | None]) -> str:
    names = [
        f"{key.removeprefix(spot.proofs.label_prefix)}{'' if v is not None else '-'}"
        for key, v in asked.items()
    ]
    return ", ".join(names) or "nothing"
