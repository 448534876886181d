"""Schedules fairly between many owners of many tenants."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

A = TypeVar("A")


def alone(owner: str) -> str:
    """Returns the owner itself: every owner is a tenant of its own."""
    return owner


class FairQueue(Generic[A]):
    """FairQueue is a round robin between tenants, and between the owners of each; within one owner
    it is first come, first served.

    A tenant gets no more by having more owners. No tenant without owners is kept, and no owner
    without items.
    """

    def __init__(self, tenant_of: Callable[[str], str] = alone) -> None:
        self._tenant_of = tenant_of
        self._tenants: OrderedDict[str, OrderedDict[str, deque[A]]] = OrderedDict()

    def push(self, owner: str, item: A) -> None:
        owners = self._tenants.setdefault(self._tenant_of(owner), OrderedDict())
        owners.setdefault(owner, deque()).append(item)

    def pop(self) -> A | None:
        if not self._tenants:
            return None
        tenant, owners = next(iter(self._tenants.items()))
        owner, items = next(iter(owners.items()))
        item = items.popleft()
        _rotate(owners, owner, more=bool(items))
        _rotate(self._tenants, tenant, more=bool(owners))
        return item

    def clear(self) -> None:
        self._tenants.clear()


def _rotate(queue: OrderedDict[str, A], first: str, *, more: bool) -> None:
    if more:
        queue.move_to_end(first)
    else:
        del queue[first]


def interleaved(owners: Iterable[str], tenant_of: Callable[[str], str]) -> list[str]:
    """Returns the owners interleaved by tenant."""
    queue: FairQueue[str] = FairQueue(tenant_of)
    for owner in owners:
        queue.push(owner, owner)
    return list(iter(queue.pop, None))


class FairSlots:
    """FairSlots limits concurrency; waiting owners get free slots in turn."""

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._waiting: FairQueue[asyncio.Future[None]] = FairQueue()

    @asynccontextmanager
    async def of(self, owner: str) -> AsyncIterator[None]:
        if self._free:
            self._free -= 1
        else:
            await self._slot(owner)
        try:
            yield
        finally:
            self._grant_next()

    async def _slot(self, owner: str) -> None:
        slot = asyncio.get_running_loop().create_future()
        self._waiting.push(owner, slot)
        try:
            await slot
        except asyncio.CancelledError:
            if slot.done() and not slot.cancelled():
                self._grant_next()
            raise

    def _grant_next(self) -> None:
        while (waiting := self._waiting.pop()) is not None:
            if not waiting.done():
                waiting.set_result(None)
                return
        self._free += 1
