"""Each rule of .vale finds what it is there for, and nothing in plain English."""

from pathlib import Path

import pytest
import yaml

from tests.prose.vale import ROOT, findings

EXAMPLES = yaml.safe_load(Path(__file__).with_name("examples.yaml").read_text())
"""Examples are in a file of their own, which is not checked."""


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr("tests.prose.vale.ROOT", tmp_path)
    return tmp_path / "page.md"


@pytest.mark.parametrize(("text", "rule", "message"), EXAMPLES["found"])
def test_a_rule_finds_what_it_is_for(page: Path, text: str, rule: str, message: str) -> None:
    page.write_text(f"# Title\n\n{text}\n")
    (found,) = findings([page], ROOT / ".vale.ini")
    assert (found.path, found.rule) == (page, f"ibgu.{rule}")
    assert message in found.message


@pytest.mark.parametrize("text", EXAMPLES["plain"])
def test_plain_english_passes(page: Path, text: str) -> None:
    page.write_text(f"# Title\n\n{text}\n")
    assert findings([page], ROOT / ".vale.ini") == []


@pytest.mark.parametrize("block", ["- An item.\n- {}", "| a | b |\n|---|---|\n| c | {} |", "1. {}"])
def test_lists_and_tables_are_read(page: Path, block: str) -> None:
    page.write_text(f"# Title\n\n{block.format(EXAMPLES['found'][-1][0])}\n")
    (found,) = findings([page], ROOT / ".vale.ini")
    assert found.rule == "ibgu.Length"


def test_a_finding_in_code_names_the_line_of_the_source(page: Path) -> None:
    code, text = page.with_suffix(".py"), EXAMPLES["found"][0][0]
    code.write_text(f'x = 1\n\ndef x():\n    """Returns x.\n\n    {text}\n    """\n')
    (found,) = findings([code], ROOT / ".vale.ini")
    assert (found.path, found.line) == (code, 6)
