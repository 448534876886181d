"""Maps events of a rollout and its steps to what someone did, or what became of it."""

import re

from ibgu.api.activity.schemas import ActivityEntryBody
from ibgu.core.engine.decide.rollout.unknown_annotations import unknown
from ibgu.core.engine.gates import GATE_REASONS, SWITCHES
from ibgu.core.model import Kind, names
from ibgu.db.views import EventRow

_TITLES: dict[str, str] = {
    Kind.ROLLOUT_SEEN: "Created",
    Kind.PLAN_ACCEPTED: "Plan changed",
    Kind.ANNOTATIONS_CHANGED: "Annotations changed",
    Kind.ROLLOUT_STARTED: "Started",
    Kind.ROLLOUT_HELD: "Held",
    Kind.ROLLOUT_RELEASED: "Released",
    Kind.ROLLOUT_COMPLETED: "Completed",
    Kind.ROLLOUT_DELETED: "Deleted",
    Kind.ADOPTED: "Taken over from TALM",
    Kind.STEP_STARTED: "Step started",
    Kind.STEP_HELD: "Step held",
    Kind.STEP_RELEASED: "Step released",
    Kind.STEP_FINISHED: "Step finished",
    Kind.PREFLIGHT: "Preflight",
    Kind.FOLLOW_UP: "Second rollout by policy",
    Kind.APPROVAL: "Approval",
    Kind.APPROVAL_ASKED: "Approval needed",
    Kind.BREAK_GLASS: "Break glass",
}
_CONTROLS = {
    names.RESUME: "Resumed",
    names.SKIP: "Skipped",
    names.CIRCUIT_BREAKER: "Circuit breaker changed",
    names.ADOPT: "Takeover requested",
    names.MANUAL_CLEANUP_DONE: "Cleanup confirmed",
} | {key: switch.title for key, switch in SWITCHES.items()}
_HOLDS = (Kind.ROLLOUT_HELD, Kind.STEP_HELD)
_HELD = {str(kind): reason.title for kind, reason in GATE_REASONS.items() if reason.title}
_WITHOUT_EFFECT = {
    "nothing skipped": "Nothing skipped",
    "no step is running": "Nothing skipped",
    "nothing was held": "Nothing resumed",
}
"""The results of controls that had no effect, with the title of the entry."""
_NOT_UNDERSTOOD = "Annotation not understood"
_ANNOTATION = re.compile(r"(?:no )?(ibgu\.dev/[^=:,]*)")
_ACTOR = re.compile(r"via the hub(?: \((?:ibgu-(?P<client>page|cli|rest):)?(?P<name>[^)]*)\))?")


def entry_body(row: EventRow) -> ActivityEntryBody:
    who, via = _origin(row.actor)
    title, text = _title_and_text(row)
    return ActivityEntryBody(
        seq=row.seq,
        at=row.at,
        kind=row.kind,
        title=title,
        text=text,
        who=who,
        via=via,
        step=None if row.step is None else row.step + 1,
        hold=row.data.get("hold") if row.kind in _HOLDS else None,
        warning=row.warning,
    )


def _origin(actor: str) -> tuple[str | None, str | None]:
    """Returns the user, and the client or field manager."""
    found = _ACTOR.fullmatch(actor)
    if found is None:
        return actor or None, None
    if client := found["client"]:
        return found["name"], client
    return None, found["name"] or "the hub"


def _title_and_text(row: EventRow) -> tuple[str, str]:
    title = _TITLES.get(row.kind, _spaced(row.kind))
    if row.kind == Kind.CONTROL:
        return _control(row)
    if row.kind in (Kind.ROLLOUT_SEEN, Kind.PLAN_ACCEPTED):
        # The first plan of an object is the one that it was created with.
        first = row.kind == Kind.PLAN_ACCEPTED and row.data.get("generation") == 1
        return "Plan accepted" if first else title, _plan(row) or row.why
    if row.kind == Kind.ROLLOUT_HELD:
        return _HELD.get(str(row.data.get("hold")), title), row.why
    if row.kind == Kind.ROLLOUT_RELEASED and row.actor:
        return "Resumed", row.why
    return title, row.why


def _control(row: EventRow) -> tuple[str, str]:
    """Returns the control and a short value: it may be the names of thousands of clusters."""
    key = next((key for key in _CONTROLS if row.why.startswith(key)), "")
    if not key:
        return _level(row.why), row.why
    value = row.data.get("controls", {}).get(key, "")
    detail = row.why.removeprefix(f"{key}={value}").removeprefix(key).lstrip(": ")
    for result, title in _WITHOUT_EFFECT.items():
        if detail.startswith(result):
            said = detail if title.lower() != result else detail.removeprefix(result).lstrip("; ")
            return title, said
    if key == names.CIRCUIT_BREAKER and row.warning:
        return _NOT_UNDERSTOOD, detail
    return _CONTROLS[key], detail


def _level(why: str) -> str:
    """Returns the title of a change of annotations that are in force while they are there."""
    found = _ANNOTATION.match(why)
    key = found[1] if found else ""
    if key in names.BACKUP_ANNOTATIONS:
        return "Backup before Upgrade changed"
    return _NOT_UNDERSTOOD if unknown([key]) else "Rate limit changed"


def _plan(row: EventRow) -> str:
    steps = [" + ".join(item["actions"]) for item in row.data.get("plan", ())]
    return ", then ".join(steps)


def _spaced(kind: str) -> str:
    return re.sub("(?<=[a-z])(?=[A-Z])", " ", kind).capitalize()
