"""Caches answers for a while, and asks once for all concurrent callers."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

CAPACITY = 10_000


class TtlCache(Generic[K, V]):
    """TtlCache keeps at most `capacity` answers, the oldest go first; an error is never kept."""

    def __init__(self, ttl: float, clock: Callable[[], float], *, capacity: int = CAPACITY) -> None:
        self._ttl = ttl
        self._capacity = capacity
        self._clock = clock
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._asking: dict[K, asyncio.Task[V]] = {}

    def answers(self, key: K) -> bool:
        """Returns whether `get` answers without another request."""
        entry = self._entries.get(key)
        return key in self._asking or (entry is not None and self._clock() < entry[0])

    async def get(self, key: K, ask: Callable[[], Coroutine[Any, Any, V]]) -> V:
        entry = self._entries.get(key)
        if entry is not None and self._clock() < entry[0]:
            return entry[1]
        if key not in self._asking:
            self._asking[key] = asyncio.create_task(self._ask(key, ask))
        # Shielded: one cancelled caller must not take the answer from the others.
        return await asyncio.shield(self._asking[key])

    async def _ask(self, key: K, ask: Callable[[], Coroutine[Any, Any, V]]) -> V:
        try:
            value = await ask()
        finally:
            del self._asking[key]
        self._entries.pop(key, None)
        self._entries[key] = (self._clock() + self._ttl, value)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
        return value
