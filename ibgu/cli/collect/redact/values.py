"""Finds the end of a value beside a name: quoted, in brackets, to the end of its line or its
word."""

import re

from ibgu.cli.collect.redact.spans import Span

_QUOTE = re.compile(
    r"(?:[A-Za-z][\w.]{0,23}\()?[bBrRuU$@]?(?P<slashes>\\{0,8})"
    r"(?P<mark>([\"'`])\3?|&(?:quot|apos|#3[49]);)"
)
"""Matches a quote, also `b'…'`, `Some("…")` and HTML's. One within a text that YAML has quoted is
doubled."""
_EMPTY = re.compile(r"(?:([\"'`])\1(?=[\s,;&})\]]|$)|\{\s*\}|\[\s*\])")
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
_OF_ELEMENT = re.compile(r"[^<\n]{1,512}(?=</)")
_BRACED = re.compile(r"(?:[^}\n]|\}\})*+")
"""Matches a value as ODBC quotes it: a brace within is doubled."""
_MARK = re.compile(r"[\[\]{}]|(?<=[\s:,=(\[{])\\{0,8}[\"'`]")
_BEFORE = re.compile(r"(?:^|\n|(?P<escaped>\\n))[ \t]{0,64}(?:-[ \t]{1,8})?[\"']?\Z")
_NOTHING = re.compile(r"(?:true|false|null|none|nil|~|[|>][-+]?)[\s,;]*(?:,|\Z)", re.IGNORECASE)
_WHOLE_LINE = re.compile(r"authorization|cookie", re.IGNORECASE)


def value_of(text: str, found: re.Match[str]) -> Span | None:
    """Returns the span of the value of a name that was found with its assignment; None if there is
    none."""
    start = found.end()
    if _EMPTY.match(text, start):
        return None
    by = found["by"] if "by" in found.re.groupindex else ""
    if by == "=" and text.startswith("{", start):
        return start + 1, _end(_BRACED, text, start + 1)
    if text.startswith(("[", "{"), start):
        return start + 1, closing_bracket(text, start)
    if quoted := quoted_at(text, start):
        return quoted
    if by == ">" and (inside := _OF_ELEMENT.match(text, start)):
        return inside.span()
    value = _unquoted(text, found, by).match(text, start)
    return None if value is None or _NOTHING.match(value[0]) else value.span()


def quoted_at(text: str, start: int) -> Span | None:
    quote = _QUOTE.match(text, start)
    return (quote.end(), _closing_quote(text, quote)) if quote else None


def closing_bracket(text: str, opening: int) -> int:
    """Returns where the bracket at `opening` is closed, outside of quotes; else the text's end."""
    depth, position = 0, opening
    while found := _MARK.search(text, position):
        position = found.end()
        if found[0] in "[{":
            depth += 1
        elif found[0] in "]}":
            depth -= 1
        elif quote := _QUOTE.match(text, found.start()):
            empty = _EMPTY.match(text, found.start())
            position = max(position, empty.end() if empty else _closing_quote(text, quote) + 1)
        if not depth:
            return found.start()
    return len(text)


def _unquoted(text: str, found: re.Match[str], by: str) -> re.Pattern[str]:
    """Returns the pattern of an unquoted value, which ends with its line in YAML or a header, else
    with its word."""
    if by == ":":
        before = _BEFORE.search(text, max(0, found.start() - 80), found.start())
        if before:
            return _REST_IN_JSON if before["escaped"] else _REST
    return _REST_IN_JSON if by and _WHOLE_LINE.search(found["name"][-32:]) else _BARE


def _closing_quote(text: str, opening: re.Match[str]) -> int:
    """Returns where the closing quote is, escaped as often as the opening one; a doubled one is
    part of the value."""
    mark, slashes = opening["mark"], opening["slashes"]
    position = opening.end()
    while (found := text.find(mark, position)) >= 0:
        before = text[position:found]
        escaped = len(before) - len(before.rstrip("\\"))
        after = found + len(mark)
        if escaped != len(slashes):
            position = found + 1
        elif text.startswith(slashes + mark, after):
            position = after + len(slashes) + len(mark)
        else:
            return found - escaped
    return len(text)


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return found.end() if found else start
