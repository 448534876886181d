"""Headings of the documentation, by the links that lead to them."""

import re

from tests.docs.site import ROOT


def heading_of(link: str) -> str:
    """Returns the heading that `docs/page.md#heading` leads to. Raises KeyError."""
    page, _, anchor = link.partition("#")
    found = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(), re.MULTILINE)
    by_anchor: dict[str, str] = {_anchor(each): each for each in found}
    return by_anchor[anchor]


def _anchor(heading: str) -> str:
    """Returns the heading's anchor as the site's generator forms it."""
    plain = re.sub(r"[^\w\s-]", "", heading).strip().lower()
    return re.sub(r"[-\s]+", "-", plain)
