"""The conditions of a ClusterVersion, and what makes the operator fail."""

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.clock import timestamp
from ibgu.sim.cluster_version.objects import condition


class Conditions:
    """Conditions keeps the time of the last transition of each; Failing shows one of the failures,
    which have names."""

    def __init__(self, shown: list[JsonObject] | None = None) -> None:
        self._shown: dict[str, JsonObject] = {each["type"]: each for each in shown or ()}
        self._failures: dict[str, tuple[str, str, str]] = {}
        """Status, reason and message of Failing, by what causes it."""

    def show(
        self, now: float, type_: str, status: str, reason: str = "", message: str = ""
    ) -> None:
        old = self._shown.get(type_, {})
        since = old["lastTransitionTime"] if old.get("status") == status else timestamp(now)
        shown = condition(type_, status, reason, message)
        self._shown[type_] = shown | {"lastTransitionTime": since}

    def shown(self, type_: str) -> tuple[str, str, str]:
        """Returns status, reason and message; empty: the condition is not there."""
        found = self._shown.get(type_, {})
        return found.get("status", ""), found.get("reason", ""), found.get("message", "")

    def remove(self, type_: str) -> bool:
        """Returns whether the condition was there."""
        return self._shown.pop(type_, None) is not None

    def fail(self, source: str, status: str, reason: str, words: str) -> None:
        self._failures[source] = (status, reason, words)

    def heal(self, source: str) -> bool:
        """Returns whether the failure was there."""
        return self._failures.pop(source, None) is not None

    def heal_all(self) -> None:
        self._failures.clear()

    def all(self, now: float) -> list[JsonObject]:
        self.show(now, "Failing", *next(iter(self._failures.values()), ("False", "", "")))
        return list(self._shown.values())
