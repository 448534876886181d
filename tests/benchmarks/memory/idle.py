"""A journal to which nothing happens, from a loop whose time is virtual."""

from tests.simulation.journal import JournalFaults


class IdleFigures(JournalFaults):
    async def before_call(self) -> None:
        return

    def stops_inside(self) -> bool:
        return False

    async def stop_inside(self) -> None:
        return

    async def before_commit(self) -> None:
        return

    async def after_commit(self, *, turn: bool) -> None:
        return
