"""Whatever the text, reading it ends: with documents, or with a problem and its line."""

import json
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from ibgu.cli.content.packing import packed
from ibgu.documents import read, read_config_map

WORDS = st.sampled_from(
    [
        *("a", "b: ", "- ", "[", "{", "}", "&a ", "*a", "|", ">", "'", '"', "? ", "!!int ", "<<: "),
        *("---", "...", "\n", "\n  ", "\r", "\t", "# ", ": ", "1:30", "~", "\x85", "\ufeff"),
    ]
)
NOISE = st.text(max_size=60) | st.lists(WORDS, max_size=40).map("".join)
PRINTED = st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"])
KEYS = st.text(PRINTED, min_size=1, max_size=12)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-999, 999).map(lambda number: number / 4)
    | st.text(PRINTED, max_size=30),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(KEYS, below, max_size=4),
    max_leaves=12,
)
BODIES = st.dictionaries(KEYS, VALUES, min_size=1, max_size=5)


@given(NOISE)
def test_noise_is_read_or_refused_with_a_line_of_the_text(text: str) -> None:
    for document in read(text, "a.yaml", first=10):
        assert 10 <= document.line <= 10 + len(text)
        assert "\n" not in document.problem
        assert not document.problem or document.body == {}
        assert len(document.problem) < 300


@given(BODIES)
def test_an_object_that_is_written_as_json_is_read_again(body: dict[str, Any]) -> None:
    (document,) = read(json.dumps(body, ensure_ascii=False))
    assert (document.body, document.problem) == (body, "")


@given(BODIES)
def test_yaml_is_read_as_the_parser_reads_it(body: dict[str, Any]) -> None:
    (document,) = read(yaml.safe_dump(body))
    assert (document.body, document.problem) == (body, "")


NAMES = st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), min_size=1, max_size=6)
BLANK = st.sampled_from(["", "\n", "# a comment\n", "\n\n# two\n"])


@given(NAMES, st.lists(BLANK, min_size=6, max_size=6))
def test_a_packed_text_has_the_same_documents_at_its_own_lines(
    names: list[str], blanks: list[str]
) -> None:
    text = "---\n".join(
        f"kind: K\n{blank}metadata:\n  name: {name}x\n"
        for name, blank in zip(names, blanks, strict=False)
    )
    direct = read(text, "a.yaml")
    whole = packed("map", "here", {"a.yaml": text})
    (config_map,) = read(whole, "cm.yaml")
    inside = read_config_map(config_map)
    assert [each.body for each in inside] == [each.body for each in direct]
    assert [each.name for each in direct] == [f"{name}x" for name in names]
    for source, found in ((text, direct), (whole, inside)):
        lines = source.split("\n")
        for document in found:
            shown = lines[document.at("metadata", "name").line - 1]
            assert shown.strip() == f"name: {document.name}"


@given(st.dictionaries(st.sampled_from(["a.yaml", "b.yaml"]), NOISE, max_size=2))
def test_a_config_map_of_noise_ends_in_documents(data: dict[str, str]) -> None:
    (config_map,) = read(json.dumps({"kind": "ConfigMap", "data": data}), "cm.yaml")
    for document in read_config_map(config_map):
        assert document.line == 1
