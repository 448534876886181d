"""YAML of anybody is read as the Lifecycle Agent reads it, within bounds."""

from typing import Any

import pytest
import yaml

from ibgu import documents
from ibgu.core.model.document import Document
from ibgu.documents import MAX_BYTES, MAX_DOCUMENTS, read, read_config_map

OBJECT = "apiVersion: v1\nkind: A\n"


@pytest.fixture(params=["libyaml", "python"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "python":
        monkeypatch.setattr(documents, "_LOADER", yaml.SafeLoader)


def body(text: str) -> dict[str, Any]:
    (document,) = read(text)
    assert document.problem == ""
    return document.body


def problem(text: str) -> tuple[int, str]:
    *_, document = read(text, "a.yaml")
    assert document.body == {}
    return document.line, document.problem


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("", []),
        (f"---\n{OBJECT}", ["A"]),
        (f"{OBJECT}---\n", ["A"]),
        (f"{OBJECT}--- # next\n{OBJECT}", ["A", "A"]),
        (f"---\r\n{OBJECT}", ["A"]),
        (f"{OBJECT}...\n---\n{OBJECT}", ["A", "A"]),
        (f"# mine\n---\n{OBJECT}", ["", "A"]),
        (f"---\n---\n{OBJECT}", ["", "A"]),
        (f"{OBJECT}---\n\n---\n{OBJECT}", ["A", "", "A"]),
        (f"{OBJECT}---\n# end\n", ["A", ""]),
        (f"{OBJECT}---\n\n", ["A", ""]),
        ('{"kind": "A"}', ["A"]),
    ],
)
def test_a_text_is_cut_as_the_lifecycle_agents_decoder_does(text: str, kinds: list[str]) -> None:
    """Each of these was given to that decoder."""
    assert [document.kind for document in read(text)] == kinds


def test_values_have_the_types_that_kubernetes_reads() -> None:
    text = "a: 2001-01-01\nb: 1:30\nc: 010\nd: yes\ne: '1'\nf: 1.5\ng: ~\nh: !!str 1\ni: !!int x\n"
    assert body(text) == {
        "a": "2001-01-01",
        "b": "1:30",
        "c": 8,
        "d": True,
        "e": "1",
        "f": 1.5,
        "g": None,
        "h": "1",
        "i": "x",
    }
    assert body(f"a: {'9' * 5000}\nb: ! 5")["a"] == "9" * 5000


def test_every_field_has_its_line() -> None:
    text = "# head\nkind: A\nmetadata:\n  name: n\nspec:\n  list:\n  - x\n  - deep: y\n"
    (document,) = read(f"{OBJECT}---\n{text}", "a.yaml")[1:]
    assert document.line == 5
    places = [("metadata", "name"), ("spec", "list", 0), ("spec", "list", 1, "deep"), ("other",)]
    assert [document.at(*path).line for path in places] == [7, 10, 11, 5]
    assert document.at("spec", "missing", "a.b").field == "spec.missing[a.b]"


def test_anchors_and_merges_are_read() -> None:
    text = "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {<<: [*x, {a: 5, c: 6}, 7]}\nl: [*x]\n"
    found = body(text)
    assert found["y"] == {"a": 1, "b": 3}
    assert found["z"] == {"a": 1, "b": 2, "c": 6}
    assert found["l"] == [{"a": 1, "b": 2}]


BOMB = "a: &a [" + "x, " * 9 + "x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [" + ", ".join([f"*{chr(97 + n)}"] * 10) + "]\n"
    for n in range(9)
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: b\nc: d: e\n", 2, "mapping values are not allowed"),
        ("- a\n", 1, "is not an object"),
        (f"{OBJECT}--- {{kind: A}}\n", 3, "'{kind: A}' is on the line of ---"),
        ("a: 1\n...\nb: 2\n", 3, "is no YAML: "),
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' is there twice"),
        ("a: 1\n? [b]\n: c\n", 2, "a key is not a string"),
        ("a: !!python/object:os.system x\n", 1, "the tag tag:yaml.org,2002:python/object"),
        ("a: &a [*a]\n", 1, "*a stands for nothing before it"),
        ("x: 1\na: *b\n", 2, "*b stands for nothing before it"),
        ("a: \x00\n", 1, "is no YAML"),
        ("a: \ud800\n", 1, "is no YAML"),
        ("a: " + "[" * 5_000, 1, "is nested deeper than 60 levels"),
        ("a: [" + "1," * 200_000 + "1]", 1, "has more than 100000 values"),
        ("a: &a " + "x" * 9_000 + "\nb: [" + "*a," * 5_000 + "]", 2, "has more than 100000 values"),
        (BOMB, 5, "has more than 100000 values"),
    ],
)
def test_unreadable_yaml_is_reported_with_line_and_reason(text: str, line: int, words: str) -> None:
    found = problem(text)
    assert found[0] == line
    assert words in found[1]
    assert len(found[1]) < 200


def test_a_text_is_bounded() -> None:
    assert problem("a: " + "x" * MAX_BYTES)[1] == "is larger than 1048576 bytes"
    many = read("kind: A\n---\n" * (MAX_DOCUMENTS + 5))
    assert len(many) == MAX_DOCUMENTS + 1
    assert "more than 1000 documents" in many[-1].problem


CONFIG_MAP = """
kind: ConfigMap
metadata: {name: oadp-cm}
data:
  b.yaml: |
    kind: A
    x: [
  a.yaml: "kind: B\\n---\\nkind: C\\n"
  c.yaml: 7
binaryData:
  d.yaml: a2luZDogQQo=
"""


def test_a_config_maps_documents_have_lines_of_its_file() -> None:
    (config_map,) = read(CONFIG_MAP, "cm.yaml")
    found = read_config_map(config_map)
    assert [(each.kind, each.line) for each in found[:2]] == [("B", 8), ("C", 8)]
    assert (found[2].file, found[2].line) == ("cm.yaml", 8)
    assert found[2].problem.startswith("is no YAML")
    assert (found[3].line, found[3].body) == (11, {})
    assert "d.yaml is in binaryData" in found[3].problem
    assert len(found) == 4
    assert read_config_map(Document({"data": []})) == []


def test_a_deep_field_has_the_line_of_its_nearest_parent() -> None:
    """Paths of a hundred thousand deep values would take more memory than the text."""
    (found,) = read("a:\n b:\n  c:\n   d:\n    e:\n     f:\n      g: 1\n")
    path = ("a", "b", "c", "d", "e", "f", "g")
    assert [found.at(*path[:n]).line for n in range(1, 8)] == [1, 2, 3, 4, 5, 5, 5]
    assert max(map(len, found.lines)) == 5
