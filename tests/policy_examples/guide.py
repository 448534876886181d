"""The objects that the guide "Safe by policy" has people apply, and the lines that they type."""

import shlex
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from tests.docs.site import DOCS, fences

PAGE = DOCS / "guides/safe-by-policy.md"
SAME: Mapping[str, str] = MappingProxyType({})


def manifest(name: str, dates: Mapping[str, str] = SAME) -> str:
    """Returns the guide's object of that name. `dates`: what stands for those of the guide."""
    [text] = [each.text for each in fences(PAGE) if f"\n  name: {name}\n" in each.text]
    for old, new in dates.items():
        assert old in text, (name, old)
        text = text.replace(old, new)
    return text


def command(begins: str, user: str) -> list[str]:
    """Returns the words of the guide's only line that begins so, as that user's shell has them."""
    lines = {line.strip() for line in PAGE.read_text().splitlines()}
    [found] = [line for line in lines if line.startswith(begins)]
    return shlex.split(found.replace("$(oc whoami)", user))


def around(now: datetime) -> Mapping[str, str]:
    """Returns the dates of the guide's freeze, and of the glass that is broken for it, moved to
    around now."""
    return {
        "2026-12-19T00:00:00Z": _stamp(now - timedelta(days=8)),
        "2027-01-07T00:00:00Z": _stamp(now + timedelta(days=11)),
    }


def later(now: datetime) -> Mapping[str, str]:
    """Returns the end of the guide's broken glass, moved to some hours from now."""
    return {"2026-12-27T04:00:00Z": _stamp(now + timedelta(hours=4))}


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
