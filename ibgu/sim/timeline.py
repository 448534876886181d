"""Records what happened at one cluster and when, as seen at the cluster itself."""

from msgspec import Struct


class StageRun(Struct):
    """StageRun is one stage from the moment the IBU's spec asked for it; times are seconds since
    the epoch.

    `stage` is Prep, Upgrade, Rollback, Abort or Finalize; `outcome` is completed, failed or
    replaced (by another stage), and empty while it runs.
    """

    stage: str
    requested: float
    started: float
    ended: float | None = None
    outcome: str = ""
    message: str = ""
    run: str = ""
    """The run of ibgu that the IBU was marked with, no matter who asked for the stage."""
    seed: str = ""
    """Image of the seed in the IBU's spec."""

    @property
    def seconds(self) -> float | None:
        return None if self.ended is None else self.ended - self.started


class StageTimeline:
    def __init__(self) -> None:
        self.runs: list[StageRun] = []
        self.dark: list[tuple[float, float | None]] = []
        """When the cluster could not reach the hub: from, until."""

    @property
    def current(self) -> StageRun | None:
        last = self.runs[-1] if self.runs else None
        return last if last is not None and last.ended is None else None

    def begin(
        self, stage: str, requested: float, now: float, *, run: str = "", seed: str = ""
    ) -> None:
        self.end("replaced", "", now)
        self.runs.append(StageRun(stage, min(requested, now), now, run=run, seed=seed))

    def end(self, outcome: str, message: str, now: float) -> None:
        run = self.current
        if run is not None:
            run.ended, run.outcome, run.message = now, outcome, message

    def link(self, connected: bool, now: float) -> None:
        """Records that the connection to the hub went or came."""
        if not connected:
            self.dark.append((now, None))
        elif self.dark:
            self.dark[-1] = (self.dark[-1][0], now)
