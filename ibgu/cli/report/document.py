"""Puts the parts of a page into one HTML file that needs neither network nor script."""

from collections.abc import Sequence

from ibgu.cli.report.elements import Markup, element
from ibgu.cli.report.style import CSS

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Whatever got past the escaping could still load and run nothing."""


def document(title: str, parts: Sequence[Markup]) -> str:
    """Returns the file; characters beyond ASCII are references, so it reads the same whatever
    encoding it is written in."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width"),
        element("title", title),
        element("style", Markup(CSS)),
    )
    whole = element("html", head, element("body", *parts), lang="en")
    return f"<!DOCTYPE html>\n{whole.encode('ascii', 'xmlcharrefreplace').decode()}"
