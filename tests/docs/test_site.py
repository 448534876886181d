"""The site is built without a warning, holds every page, and loads nothing from elsewhere."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.docs.site import DOCS, build


class Loaded(HTMLParser):
    """The addresses that a browser fetches by itself when it shows the page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("script", "img", "iframe") and "src" in given:
            self.found.append(given["src"])
        if tag == "link" and given.get("rel") != "canonical":
            self.found.append(given.get("href", ""))


def loaded(page: Path) -> list[str]:
    parser = Loaded()
    parser.feed(page.read_text())
    return parser.found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    assert "WARNING" not in build(target)
    return target


def test_links_anchors_and_navigation_are_whole(site: Path) -> None:
    navigation = (site / "index.html").read_text().partition("md-nav--primary")[2]
    linked = set(re.findall(r'href="([^"#:]+\.html)', navigation)) | {"index.html"}
    pages = {str(page.relative_to(DOCS).with_suffix(".html")) for page in DOCS.rglob("*.md")}
    assert pages - linked == set()


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        assert 'class="mermaid"' not in page.read_text(), "its script is loaded from elsewhere"
        for address in loaded(page):
            assert not re.match(r"(\w+:)?//", address), f"{page.name} loads {address}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(\W?(https?:)?//|@import\s+\W?http", sheet.read_text())
