"""Reads the one manifest of a rollout in a text of YAML."""

import asyncio
from typing import Any

from ibgu.api.problems import invalid
from ibgu.core.drivers import DRIVERS
from ibgu.documents import read


async def only_manifest(text: str, field: str) -> dict[str, Any]:
    """Returns the manifest; `field`: the one of the body that has the text. Raises Problem."""
    # A long text takes seconds.
    return await asyncio.to_thread(_only, text, field)


def _only(text: str, field: str) -> dict[str, Any]:
    documents = read(text)
    for each in documents:
        if each.problem:
            raise invalid(field, "body", f"line {each.line} {each.problem}")
    found = [each for each in documents if each.kind in DRIVERS]
    if len(found) != 1:
        kinds = " or ".join(DRIVERS)
        words = f"contains {len(found)} objects of kind {kinds}, but must contain exactly one"
        raise invalid(field, "body", words)
    return dict(found[0].body)
