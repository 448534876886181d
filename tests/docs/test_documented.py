"""Every setting and every metric is documented, and nothing is that does not exist."""

import re
from pathlib import Path

import pytest

from ibgu import telemetry
from ibgu.api.http.body_limit import BODY_BYTES
from ibgu.settings import Settings, variable

DOCS = Path(__file__).parents[2] / "docs"


def first_column(page: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)`(?: \*)? \|", (DOCS / page).read_text(), re.MULTILINE)


def test_settings_page_lists_every_variable() -> None:
    assert set(first_column("settings.md")) == {variable(name) for name in Settings.model_fields}


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_settings_page_says_what_the_setting_says(name: str) -> None:
    description = Settings.model_fields[name].description
    assert description
    assert description in (DOCS / "settings.md").read_text()


@pytest.mark.parametrize("page", ["SECURITY.md", "docs/rest.md"])
def test_the_documented_body_limit_is_correct(page: str) -> None:
    told = re.findall(r"longer than (\d+) KiB", (DOCS.parent / page).read_text())
    assert told == [str(BODY_BYTES // 1024)]


def test_no_page_installs_from_an_index_that_has_no_ibgu() -> None:
    """A reader who follows it would get nothing, or a stranger's package."""
    root = DOCS.parent
    for page in (*DOCS.rglob("*.md"), root / "README.md", root / "SECURITY.md"):
        assert not re.search(r"pip install '?ibgu(?!-\d)", page.read_text()), page


def test_metrics_page_lists_every_metric() -> None:
    documented = set(first_column("metrics.md"))
    existing = set(telemetry.metrics())
    assert documented == existing


def test_metrics_page_names_the_labels() -> None:
    text = (DOCS / "metrics.md").read_text()
    documented = dict(re.findall(r"^\| `([^`]+)`(?: \*)? \| ([^|]*) \|", text, re.MULTILINE))
    for name, metric in telemetry.metrics().items():
        assert documented[name].strip() == ", ".join(metric.labels), name


def pages() -> list[Path]:
    root = DOCS.parent
    return [*root.glob("*.md"), *DOCS.rglob("*.md")]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []
