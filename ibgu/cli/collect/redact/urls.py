"""Finds secrets in addresses: before the host, after the question mark, and in paths of
webhooks."""

import re
from collections.abc import Iterator

from ibgu.cli.collect.redact.spans import Span

_URL = re.compile(r"(?<=://)[^\s\"'<>`\\]++")
_DIGEST = re.compile(r"@sha\d{3}:[0-9a-f]+$")
"""At the end of an image's address, which is no secret."""
_OF_IMAGE = re.compile(r"@sha\d{3}:[0-9a-f]{8}")
_TAKES_ANYTHING = re.compile(
    r"hook|logic\.azure\.com|api\.telegram\.org|chat\.googleapis\.com|pagerduty\.com|opsgenie\.com"
    r"|powerplatform\.com",
    re.IGNORECASE,
)
"""Anyone who knows the path of such an address may write there."""
_WORD = re.compile(r"(?:[^\s\"'`<>\\]|\\(?![\\\"'nrt]))++")
_PGPASS = re.compile(
    r"(?<![^\s\"'])[^\s:\"']{1,253}:(?:\d{2,5}|\*):[^\s:]{1,63}:[^\s:]{1,63}:(?P<last>\S+)"
)


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
    """Returns the span after the host."""
    slash = url.find("/", max(url.find("@"), 0))
    return start + (slash if slash >= 0 else len(url)), start + len(url)


def logins(text: str) -> Iterator[Span]:
    """Yields `user:password@host` without a scheme, and the lines of a .pgpass."""
    if "@" in text:
        for found in _WORD.finditer(text):
            if span := _login(found[0]):
                yield found.start() + span[0], found.start() + span[1]
    yield from (found.span("last") for found in _PGPASS.finditer(text))


def _login(word: str) -> Span | None:
    digest = _OF_IMAGE.search(word)
    at = word.rfind("@", 0, digest.start() if digest else len(word) - 1)
    colon = word.find(":", 0, max(at, 0))
    return None if colon < 0 or "://" in word[:at] else (colon + 1, at)
