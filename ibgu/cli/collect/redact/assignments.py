"""Values beside a secret's name: `password=…`, `"token": "…"`, `--api-key …`, `<secret>…`."""

import re
from collections.abc import Iterator

from ibgu.cli.collect.redact.names import is_secret
from ibgu.cli.collect.redact.spans import Span

_ASSIGNS = re.compile(
    r"(?<![\w.-])(?P<name>[\w.-]++)[\"'\\\])]{0,8}[ \t]{0,8}"
    r"(?P<by>:=|=>|={1,3}|:|>|%3[aAdD])[ \t]{0,8}"
)
_OPTION = re.compile(r"(?<![\w-])--?(?P<name>[A-Za-z][\w-]*+)\s{1,8}(?![-\s])")
_QUOTE = re.compile(r"(?P<slashes>\\{0,8})(?P<mark>([\"'`])\3?)")
"""One within a text that YAML has quoted is doubled."""
_EMPTY = re.compile(r"([\"'`])\1(?=[\s,;&})\]]|$)")
_BARE = re.compile(
    r"(?:[^\s&,;\"'`<]"
    r"|&(?![\w.\[\]%-]{1,64}=)"
    r"|[,;](?!\s|[\w.-]{1,64}[ \t]?[:=])"
    r"|[\"'`](?![\s,;:)\]}\\]|$)"
    r"|<(?!/)"
    r")+"
)
"""Up to a space, or to what begins the next name or closes what is around it."""
_REST = re.compile(r"[^\n]+")
_REST_IN_JSON = re.compile(r"(?:[^\n\"\\]|\\(?!n|\\*\"))+")
_BEFORE = re.compile(r"(?:^|\n|(?P<escaped>\\n))[ \t]{0,64}(?:-[ \t]{1,8})?[\"']?\Z")
_WORD_BEFORE = re.compile(r"([A-Za-z]{2,24})\s{1,8}\Z")
_NOTHING = re.compile(
    r"(?:true|false|null|none|nil|~|\{\}|\[\]|[|>][-+]?)[\s,;]*(?:,|\Z)", re.IGNORECASE
)
_WHOLE_LINE = re.compile(r"authorization|cookie", re.IGNORECASE)
_VALUE = "value"
"""Half of a pair: its name may stand anywhere near. `Invalid value: …` is what Kubernetes says."""


def assigned(text: str) -> Iterator[Span]:
    yield from _all(text, _ASSIGNS)
    if "-" in text:
        yield from _all(text, _OPTION)


def _all(text: str, pattern: re.Pattern[str]) -> Iterator[Span]:
    position = 0
    while found := pattern.search(text, position):
        position = found.end()
        if _is_secret(text, found) and (span := _value(text, found)):
            yield span
            position = max(position, span[1])


def _is_secret(text: str, found: re.Match[str]) -> bool:
    name = found["name"]
    if name.lower() in (_VALUE, "key", "code", "string"):
        before = _WORD_BEFORE.search(text, max(0, found.start() - 32), found.start())
        if name.lower() == _VALUE:
            return not (before and before[1].lower() == "invalid")
        return bool(before and is_secret(f"{before[1]}_{name}"))
    return is_secret(name)


def _value(text: str, found: re.Match[str]) -> Span | None:
    start = found.end()
    if _EMPTY.match(text, start):
        return None
    if quote := _QUOTE.match(text, start):
        return quote.end(), _closing(text, quote)
    if text.startswith("[", start):
        end = text.find("]", start)
        return start + 1, end if end >= 0 else len(text)
    if text.startswith("{", start):
        return None  # what is inside has names of its own
    value = _unquoted(text, found).match(text, start)
    if value is None or _NOTHING.match(value[0]):
        return None
    return value.span()


def _unquoted(text: str, found: re.Match[str]) -> re.Pattern[str]:
    """Such a value ends with its line, where it is one in YAML or a header; else with its word."""
    if "by" not in found.re.groupindex or found["by"] != ":":
        return _BARE
    before = _BEFORE.search(text, max(0, found.start() - 80), found.start())
    if before:
        return _REST_IN_JSON if before["escaped"] else _REST
    return _REST_IN_JSON if _WHOLE_LINE.search(found["name"][-32:]) else _BARE


def _closing(text: str, opening: re.Match[str]) -> int:
    """Return where the quote that closes is, escaped as often as the one that opens."""
    mark, slashes = opening["mark"], opening["slashes"]
    position = opening.end()
    while (found := text.find(mark, position)) >= 0:
        before = text[position:found]
        escaped = len(before) - len(before.rstrip("\\"))
        if escaped == len(slashes):
            return found - escaped
        position = found + 1
    return len(text)
