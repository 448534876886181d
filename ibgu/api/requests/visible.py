"""Determines which namespaces an answer over several of them covers, and which it may name."""

from collections.abc import Collection
from typing import Annotated

from fastapi import Depends

from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.inputs import InNamespace, ReadsOfRequest
from ibgu.api.requests.readable import Readable, readable_by


async def _visible(
    caller: CallerOfRequest, reads: ReadsOfRequest, namespace: InNamespace = None
) -> Collection[str] | None:
    """Returns the namespaces; None: all. A namespace that is named must be readable, others are
    left out."""
    if namespace is not None:
        await caller.require_rollouts(namespace)
        return [namespace]
    return (await readable_by(caller, reads)).namespaces


async def _readable(caller: CallerOfRequest, reads: ReadsOfRequest) -> Readable:
    return await readable_by(caller, reads)


ReadableForCaller = Annotated[Readable, Depends(_readable)]
Visible = Annotated[Collection[str] | None, Depends(_visible)]
