"""Which namespaces an answer over several of them is about."""

from collections.abc import Collection
from typing import Annotated

from fastapi import Depends

from ibgu.api.access import CallerOfRequest
from ibgu.api.routes.inputs import InNamespace, ReadsOfRequest


async def _visible(
    caller: CallerOfRequest, reads: ReadsOfRequest, namespace: InNamespace = None
) -> Collection[str] | None:
    """None: all. A namespace that is named must be readable, others are left out."""
    if namespace is not None:
        await caller.require_rollouts(namespace)
        return [namespace]
    if await caller.may_read_rollouts():
        return None
    return await caller.readable(await reads.namespaces())


Visible = Annotated[Collection[str] | None, Depends(_visible)]
