"""Finds values beside a secret's name: `password=…`, `"token": "…"`, `--api-key …`, `<secret>…`."""

import re
from collections.abc import Iterator

from ibgu.cli.collect.redact.names import is_secret
from ibgu.cli.collect.redact.spans import Span
from ibgu.cli.collect.redact.values import value_of

_ASSIGNS = re.compile(
    r"(?<![\w.-])(?P<escape>(?<=\\)[nrt])?(?P<name>[\w.-]++)"
    r"(?:[\"'\\\])]|&(?:quot|apos|#3[49]);){0,8}[ \t]{0,8}"
    r"(?P<by>:=|=>|->|={1,3}|:|>|\|(?!\|)|%(?:25){0,3}3[aAdD])[ \t]{0,8}"
)
_OPTION = re.compile(r"(?<![\w-])--?(?P<name>[A-Za-z][\w-]*+)\s{1,8}(?![-\s])")
_ELEMENT = re.compile(r"<(?:[\w-]{1,64}:)?(?P<name>[\w.-]{1,128}+)[ \t][^<>\n]{0,256}(?P<by>>)")
"""Matches an element of XML, with attributes."""
_PAIR = re.compile(
    r"[\"'](?P<name>[\w.-]{1,128}+)\\{0,8}[\"']{1,2},[ \t]{0,8}(?=[bBrRuU]?\\{0,8}[\"'])"
)
"""Matches headers and arguments as programs print them: `('x-api-key', '…')`, `['--token',
'…']`."""
_WORD_BEFORE = re.compile(r"([A-Za-z]{2,24})\s{1,8}\Z")
_CONTENTS = frozenset({"data", "stringData", "binaryData"})
"""Matches the contents of Secrets and ConfigMaps, where they are in braces."""
_VALUE = "value"
"""Half of a pair: its name may stand anywhere near. `Invalid value: …` is what Kubernetes says."""
_KIND = "secrets"
"""Matches a kind beside others: `resources: ["secrets", "configmaps"]`."""


def assigned(text: str) -> Iterator[Span]:
    yield from _all(text, _ASSIGNS)
    if "-" in text:
        yield from _all(text, _OPTION)
    if "<" in text:
        yield from _all(text, _ELEMENT)
    if "," in text:
        yield from _all(text, _PAIR)


def _all(text: str, pattern: re.Pattern[str]) -> Iterator[Span]:
    position = 0
    while found := pattern.search(text, position):
        position = found.end()
        if _is_secret(text, found) and (span := value_of(text, found)):
            yield span
            position = max(position, span[1])


def _is_secret(text: str, found: re.Match[str]) -> bool:
    name = found["name"]
    if name.lower() in (_VALUE, "key", "code", "string"):
        before = _WORD_BEFORE.search(text, max(0, found.start() - 32), found.start())
        if name.lower() == _VALUE:
            return not (before and before[1].lower() == "invalid")
        return bool(before and is_secret(f"{before[1]}_{name}"))
    if name in _CONTENTS:
        return text.startswith("{", found.end())
    if "escape" in found.re.groupindex and found["escape"] and is_secret(found["escape"] + name):
        return True
    return is_secret(name) and not (name == _KIND and found.re is _PAIR)
