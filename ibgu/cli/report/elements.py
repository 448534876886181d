"""Builds HTML from elements; text is escaped unless it is Markup."""

import re
from collections.abc import Iterable, Sequence
from html import escape

from ibgu.core.text.harmless import harmless

_VOID = frozenset({"meta", "path", "rect", "line", "circle"})
"""Elements without children."""
_LINE_ENDS = re.compile(r"[\t\r\n]+")
_SHORT = 24
"""The most characters of a text that stays on its line in a table."""


class Markup(str):
    """Markup is HTML already: what `element` returns. Text of others never becomes one."""

    __slots__ = ()


def escaped(text: str) -> Markup:
    """Returns the text as HTML: in one line, and without characters that act and show nothing."""
    if isinstance(text, Markup):
        return text
    return Markup(escape(harmless(_LINE_ENDS.sub(" ", text))))


def joined(parts: Iterable[str]) -> Markup:
    return Markup("".join(map(escaped, parts)))


def element(name: str, /, *children: str, **attributes: object) -> Markup:
    """Returns the element. Attributes are named as in Python: `class_`, `aria_label`; None leaves
    one out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{given}/>")
    return Markup(f"<{name}{given}>{joined(children)}</{name}>")


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0, class_: str = ""
) -> Markup:
    """Returns the table; the last `numbers` columns are aligned as numbers."""
    first = len(headings) - numbers
    head = (
        element("th", each, scope="col", class_="number" if column >= first else None)
        for column, each in enumerate(headings)
    )
    body = (
        element("tr", *(_cell(each, column >= first) for column, each in enumerate(row)))
        for row in rows
    )
    whole = element(
        "table",
        element("thead", element("tr", *head)),
        element("tbody", *body),
        class_=class_ or None,
    )
    return element("div", whole, class_="scroll")


def _cell(content: str, number: bool) -> Markup:
    """Returns the cell. A short text stays on its line, in a long one even a word may be broken:
    what clusters report may have no spaces."""
    if number:
        return element("td", content, class_="number")
    if isinstance(content, Markup):
        return element("td", content)
    return element("td", content, class_="short" if len(content) <= _SHORT else "long")


def section(title: str, *children: str) -> Markup:
    return element("section", element("h2", title), *children)


def facts(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Returns a list of names and values, without those that are empty."""
    return element(
        "dl",
        *(
            element("div", element("dt", name), element("dd", value))
            for name, value in pairs
            if value
        ),
    )


def quiet(text: str) -> Markup:
    return element("p", text, class_="quiet")


def prose(text: str) -> Markup:
    """Returns ibgu's own text, in which commands stand between backticks."""
    parts = text.split("`")
    return joined(element("code", each) if i % 2 else each for i, each in enumerate(parts))
