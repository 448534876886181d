"""Counts the starts that policies would not have allowed, and that somebody's BreakGlass let pass
(R50.14)."""

from msgspec import Struct

from ibgu.core.engine.gate import policy_gate
from ibgu.core.model.grants import Grants
from tests.oracle.events import Event


class PassedPolicy(Struct, frozen=True):
    """PassedPolicy is one policy that starts have passed by BreakGlass."""

    policy: str
    starts: int
    users: tuple[str, ...]
    """The users who had broken the glass, as the hub knew them."""


class PassedStarts:
    """PassedStarts has the runs that have passed each policy."""

    def __init__(self) -> None:
        self._runs: dict[str, set[str | None]] = {}
        self._users: dict[str, set[str]] = {}

    def note(self, policy: str, event: Event, grants: Grants) -> None:
        """Notes the run of the event; a run that is sent long after its start counts once."""
        gate = policy_gate(policy)
        users = (each.user for each in grants.broken_glass if each.passes(gate, event.at))
        self._runs.setdefault(policy, set()).add(event.run)
        self._users.setdefault(policy, set()).update(users)

    def totals(self) -> tuple[PassedPolicy, ...]:
        return tuple(
            PassedPolicy(policy, len(runs), tuple(sorted(self._users[policy])))
            for policy, runs in sorted(self._runs.items())
        )
