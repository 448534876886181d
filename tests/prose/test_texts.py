"""The prose of a file is what a person reads in it: not its names, its data or its code."""

from pathlib import Path

import pytest

from tests.prose.texts import prose

CODE = '''\
"""Says what
the module does."""
import re

# One reason,
# in two lines.
NAME = "a_name"
WORDS = re.compile(r"some words of a pattern")
SQL = """
    SELECT words FROM a table
"""
FIELD: int = 3
"""The number of words
in a field."""
say(f"the cluster {name} is "
    "away for now", "and another message here")  # at the end
'''


@pytest.fixture
def lines(tmp_path: Path) -> list[tuple[int, str]]:
    (tmp_path / "a.py").write_text(CODE)
    return [(line.number, line.text) for line in prose(tmp_path / "a.py") if line.text]


def test_comments_docstrings_and_messages_with_their_lines(lines: list[tuple[int, str]]) -> None:
    assert lines == [
        (1, "Says what"),
        (2, "the module does."),
        (5, "One reason,"),
        (6, "in two lines."),
        (13, "The number of words"),
        (14, "in a field."),
        (15, "the cluster `…` is"),
        (16, "away for now"),
        (16, "and another message here"),
        (16, "at the end"),
    ]


def test_only_parts_of_one_message_are_one_paragraph(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(CODE)
    text = "\n".join(line.text.strip() for line in prose(tmp_path / "a.py"))
    paragraphs = [" ".join(part.split("\n")).strip() for part in text.split("\n\n")]
    assert "the cluster `…` is away for now" in paragraphs
    assert "and another message here" in paragraphs


def test_comments_of_yaml(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("# Why it is so,\n# in short.\nkey: a value of words\n")
    found = prose(tmp_path / "a.yaml")
    assert [line.text for line in found] == ["Why it is so,", "in short.", ""]


SCRIPT = """\
/**
 * What the part shows.
 * @property {string} label the text of it
 */
const url = "https://example.org/a/b";  // where it is
say(`the cluster ${name} is away`, 'and one more message');
const view = html`<p>
  some words of it</p>`;
"""


def test_comments_and_messages_of_a_script(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text(SCRIPT)
    found = [(line.number, line.text) for line in prose(tmp_path / "a.js") if line.text]
    assert found == [
        (2, "What the part shows."),
        (3, "property `…` label the text of it"),
        (5, "where it is"),
        (6, "the cluster `…` is away"),
        (6, "and one more message"),
    ]


NOTES = """\
{{ if .Values.route.enabled -}}
ibgu is in {{ .Release.Namespace }}. Run:
  oc get route ibgu -n {{ .Release.Namespace }}
{{- end }}
"""


def test_sentences_of_a_charts_notes(tmp_path: Path) -> None:
    (tmp_path / "NOTES.txt").write_text(NOTES)
    found = [(line.number, line.text) for line in prose(tmp_path / "NOTES.txt") if line.text]
    assert found == [(2, "ibgu is in `…`. Run:")]
