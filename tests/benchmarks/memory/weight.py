"""The bytes that objects hold, which says what is the controller's in a process of many parts."""

import asyncio
import gc
import sys
from collections.abc import Iterable, Iterator
from types import BuiltinFunctionType, CoroutineType, FrameType, FunctionType, ModuleType
from typing import Any

from msgspec import Raw, Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.sim.hub import MemoryClient, MemoryHub
from tests.simulation.journal import FaultyEngine

_OTHERS = (
    *(type, ModuleType, FunctionType, BuiltinFunctionType, CoroutineType, FrameType),
    *(asyncio.AbstractEventLoop, asyncio.Future, asyncio.Handle),
    *(MemoryClient, MemoryHub, AsyncEngine, FaultyEngine),
)
"""Code, what runs, and connections: through them everything hangs together."""


def weight(*roots: object) -> int:
    """Bytes of all that can be reached from there, each object once."""
    seen: set[int] = set()
    total = 0
    waiting: list[Any] = list(roots)
    while waiting:
        found = waiting.pop()
        if id(found) in seen or isinstance(found, _OTHERS):
            continue
        seen.add(id(found))
        total += _size(found)
        waiting.extend(_parts(found))
    return total


def _size(found: Any) -> int:
    """msgspec's Raw gives no size of its own."""
    return len(found) if isinstance(found, Raw) else sys.getsizeof(found)


def _parts(found: Any) -> Iterable[Any]:
    return _fields(found) if isinstance(found, Struct) else gc.get_referents(found)


def _fields(found: Struct) -> Iterator[Any]:
    """Yields the fields of a struct outside the collector, which knows none of them."""
    return (getattr(found, name) for name in found.__struct_fields__)
