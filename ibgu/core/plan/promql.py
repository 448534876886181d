"""Fills the placeholders of a policy's PromQL query with what a ManagedCluster says of itself.

A placeholder stands in a string. Its value is escaped there, so that a label can't change the
query.
"""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from ibgu.core.text.label_syntax import is_label_key

_TOKEN = re.compile(
    r"""(?P<raw>`[^`]*`)
    | (?P<string>"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*')
    | (?P<comment>\#[^\n]*)
    | (?P<open>["'`])
    | (?P<code>[^"'`#]+)""",
    re.VERBOSE,
)
_PLACEHOLDER = re.compile(r"\$(?:(?P<cluster>cluster\b)|label\((?P<label>[^()]*)\)|[A-Za-z_]\w*)")
_MATCHES = ("=~", "!~")
"""Operators whose string is a regular expression."""
_PLAIN = re.compile(r"[-A-Za-z0-9_./:]")


class _Part(Struct, frozen=True):
    kind: str
    text: str
    matches: bool
    """Whether the part is a string that is a regular expression."""


def query_faults(query: str) -> Iterator[str]:
    """Yields why the placeholders of a query can't be filled."""
    for part in _parts(query):
        if part.kind == "open":
            yield "has a string that does not end"
        for found in _PLACEHOLDER.finditer(part.text) if part.kind != "comment" else ():
            label, shown = found["label"], found[0]
            if found["cluster"] is None and label is None:
                yield f"knows $cluster and $label(key), and no {shown}"
            elif label is not None and not is_label_key(label):
                yield f'"{label}" in $label(key) is not the key of a label'
            elif part.kind != "string":
                yield f"has {shown} outside of a quoted string"


def missing_label(query: str, labels: Mapping[str, str]) -> str:
    """Returns the first label that the query needs and that is not among these; empty: none."""
    needed = (
        found["label"]
        for part in _parts(query)
        if part.kind == "string"
        for found in _PLACEHOLDER.finditer(part.text)
    )
    return next((key for key in needed if key is not None and key not in labels), "")


def filled(query: str, name: str, labels: Mapping[str, str]) -> str:
    """Returns the query for the cluster of that name, which has all labels that it needs."""

    return "".join(_filled(part, name, labels) for part in _parts(query))


def _filled(part: _Part, name: str, labels: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        return _escaped(name if found["label"] is None else labels[found["label"]], part.matches)

    return _PLACEHOLDER.sub(value, part.text) if part.kind == "string" else part.text


def _parts(query: str) -> Iterator[_Part]:
    before = ""
    for found in _TOKEN.finditer(query):
        kind = found.lastgroup or ""
        yield _Part(kind, found[0], before.rstrip().endswith(_MATCHES))
        if kind != "comment":
            before = before + found[0] if kind == "code" else ""


def _escaped(value: str, matches: bool) -> str:
    """Returns the value as it is written in a string of PromQL; `matches`: in one that is a regular
    expression."""
    literal = re.escape(value) if matches else value
    return "".join(each if _PLAIN.fullmatch(each) else f"\\U{ord(each):08x}" for each in literal)
