"""docs/images holds what the tests of this folder take, and all of it is on the page about it."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMAGES = {path.name for path in (ROOT / "docs" / "images").glob("*.png")}


def test_every_picture_is_taken_by_a_test() -> None:
    """If not: `make pictures`."""
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert {f"page-{name}.png" for name in re.findall(r"\.keep\(\"([\w-]+)\"", tests)} == IMAGES


def test_every_picture_is_shown() -> None:
    assert (
        set(re.findall(r"\(images/([\w-]+\.png)\)", (ROOT / "docs/page.md").read_text())) == IMAGES
    )
