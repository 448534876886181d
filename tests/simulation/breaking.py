"""Seams of the program that several broken variants replace."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from ibgu.core.engine.state import fleet
from ibgu.db.journal import journal, write

Patches = Callable[[ExitStack], None]


def replace_part(stack: ExitStack, target: Any, name: str, value: Any) -> None:
    stack.enter_context(patch.object(target, name, value))


def unchecked(stack: ExitStack) -> None:
    """Takes the invariants away, too: what is broken has to show on the hub and in the history."""
    replace_part(stack, fleet, "check_decision", lambda step, event, member, holder: None)


def deaf_to_claims(stack: ExitStack) -> None:
    """Takes away the journal's refusal of claims that others have."""

    async def deaf(db: Any, hub: str, epoch: int, turn: int, batch: Any, at: Any) -> Any:
        refused = await write.write(db, hub, epoch, turn, batch, at)
        if refused:
            settled = {run.id: (member, run) for member, run in batch.closed_runs}
            rest = replace(batch, runs=settled, taken=[], recorded=[], pending_patches={})
            await write.write(db, hub, epoch, turn, rest, at)
        return frozenset()

    replace_part(stack, journal, "write", deaf)
