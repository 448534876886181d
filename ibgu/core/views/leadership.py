"""Leadership of a hub: which controller took it, when, and how often it has changed, in the words
of every surface."""

from datetime import UTC, datetime, timedelta

from msgspec import Struct

WINDOW = timedelta(minutes=10)
"""The time in which changes of the leader are counted."""
FLAPS = 5
"""More changes than these in WINDOW are too many, as the alert IbguLeaderFlaps has it."""
NOBODY = "no controller has led this hub yet"
REMEDY = (
    "see the runbook IbguLeaderFlaps: the hub's API server or the controller's "
    "node is too slow for IBGU_LEASE_RENEW_SECONDS"
)


class Leadership(Struct, frozen=True):
    """Leadership is the newest lead of a hub, as the journal has it. Its end is not recorded:
    another controller's lead follows it."""

    leader: str
    """The identity of the controller's process."""
    epoch: int
    since: datetime
    before: str | None
    """The leader of the epoch before; None: this is the first one."""
    changes: int
    """Leads that began in the last WINDOW and followed another one."""

    @property
    def flaps(self) -> bool:
        return self.changes > FLAPS

    @property
    def words(self) -> str:
        at = f"{self.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        return f"{self.leader} {self._took()} at {at}{self._changed()}"

    def _took(self) -> str:
        if self.before is None:
            return "took the lead"
        return (
            "took the lead again"
            if self.before == self.leader
            else f"took the lead from {self.before}"
        )

    def _changed(self) -> str:
        if not self.changes:
            return ""
        times = "once" if self.changes == 1 else f"{self.changes} times"
        minutes = int(WINDOW.total_seconds()) // 60
        return f"; leadership has changed {times} in the last {minutes} minutes"
