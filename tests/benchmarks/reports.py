"""The agents' reports about stage works, by what they change: values that rules read, words that
people read, or conditions alone."""

from collections import Counter
from enum import StrEnum

from ibgu.core.drivers.ibu.feedback import CONDITIONS, condition_value
from ibgu.core.model.kinds import JsonObject

_WORDS = {condition_value(condition, "message") for condition in CONDITIONS}


class Report(StrEnum):
    """The part that a report changes, beside conditions of the work."""

    VALUES = "values"
    WORDS = "words alone"
    CONDITIONS = "conditions alone"


class Reports:
    """`found` counts the reports that were noted."""

    def __init__(self) -> None:
        self.found: Counter[Report] = Counter()
        self._known: dict[str, JsonObject] = {}

    def note(self, work: str, status: JsonObject) -> None:
        """`work`: its path. `status`: all of it, as it is after the report."""
        self.found[changed(self._known.get(work, {}), status)] += 1
        self._known[work] = status


def changed(before: JsonObject, after: JsonObject) -> Report:
    old, new = _values(before), _values(after)
    names = {name for name in old | new if old.get(name) != new.get(name)}
    if not names:
        return Report.CONDITIONS
    return Report.WORDS if names <= _WORDS else Report.VALUES


def _values(status: JsonObject) -> JsonObject:
    manifests = (status.get("resourceStatus") or {}).get("manifests") or ()
    told = [(each.get("statusFeedback") or {}).get("values") or () for each in manifests]
    return {value["name"]: value["fieldValue"] for values in told for value in values}
