"""Addresses: what stands before the host, after the question mark, and the paths of webhooks."""

import re
from collections.abc import Iterator

from ibgu.cli.collect.redact.spans import Span

_URL = re.compile(r"(?<=://)[^\s\"'<>`\\]++")
_DIGEST = re.compile(r"@sha\d{3}:[0-9a-f]+$")
"""At the end of an image's address, which is no secret."""
_TAKES_ANYTHING = re.compile(
    r"hook|logic\.azure\.com|api\.telegram\.org|chat\.googleapis\.com|pagerduty\.com|opsgenie\.com"
    r"|powerplatform\.com",
    re.IGNORECASE,
)
"""Whoever knows the path of such an address may write there."""


def parts_of_urls(text: str) -> Iterator[Span]:
    for found in _URL.finditer(text):
        url, start = found[0], found.start()
        if _TAKES_ANYTHING.search(url):
            yield _path(url, start)
        digest = _DIGEST.search(url)
        at = url.rfind("@", 0, digest.start() if digest else len(url))
        if at > 0:
            yield start, start + at
        query = max(url.find("?", at + 1), 0) or max(url.find("#", at + 1), 0)
        if query:
            yield start + query + 1, start + len(url)


def _path(url: str, start: int) -> Span:
    """All after the host."""
    slash = url.find("/", max(url.find("@"), 0))
    return start + (slash if slash >= 0 else len(url)), start + len(url)
