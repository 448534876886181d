"""No value of a label or a ConfigMap changes what a text's YAML consists of, however hostile."""

import json
from contextlib import suppress

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from ibgu.core.text.hub_templates import (
    OPEN,
    ClusterValues,
    TemplateError,
    parse,
    render,
    stand_in,
)

LIMIT = 10_000
READ = 'fromConfigMap "" "m" "k"'
PLACES = (
    "a: <>\nb: 2\n",
    "a: 'x <> y'\nb: 2\n",
    'a: "<>"\nb: 2\n',
    'a: "x <>"\n',
    "a: {b: <>, c: [<>, 1]}\n",
    "a:\n- <>\n- x: <>\n- <>: y\n",
    "a: |\n  <>\n  second\nb: 2\n",
    "a: >-\n  first <>\n",
    "<>\n",
    "--<>\n",
    "a:<>\nb: 2\n",
    "a: b # <>\nc: 1\n",
    "<>: 1\n",
    "a: x<>y<>:z\n",
    "---\na: <>\n---\nb: <>\n",
    "- - <>\n- -<>\n",
    "? <>\n: <>\n",
    '{"a": "<>", "b": {"<>": [1, "<>"]}}',
)
HOSTILE = (
    "x\n---\nkind: Secret", "a: b", "a:", "x #", "- a", '"', "'", "\\", "{}", "[", ",", "|", "*a",
    "&a", "!!python/object:x", "\x85b: c", "\u2028b: c", "\ufeff", "---", "...", "%YAML", "", " ",
    "\t", ": ", "? a", "<<", "{{hub .ManagedClusterName hub}}", "{{ .x }}", "\x00", "\ud800", "-1",
    "9", "::1", "a\rb", "x: ", "y", "1e3", "0x1f", "~", "=", "a  b", "a b",
)  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(HOSTILE),
    st.lists(st.sampled_from(HOSTILE), max_size=4).map("".join),
    st.text(max_size=30),
    st.text("a1.:-/ #,[]{}'\"\\\n", max_size=12),
)


def structure(text: str) -> list[str] | str:
    """Returns the events of the YAML without the content of scalars."""
    try:
        return [_event(each) for each in yaml.parse(text, yaml.CSafeLoader)]
    except yaml.YAMLError:
        return "no YAML"


def _event(event: yaml.Event) -> str:
    if isinstance(event, yaml.ScalarEvent):
        return f"scalar {event.anchor} {event.tag} {event.style}"
    if isinstance(event, yaml.AliasEvent):
        return f"alias {event.anchor}"
    return type(event).__name__


def outcomes(text: str, value: str) -> str | None:
    """Returns the text for a cluster with that value; None: it is refused."""
    values = ClusterValues("a", {}, "default", {"m": {"k": value}})
    try:
        return render(parse(text), values, LIMIT)
    except TemplateError:
        return None


@given(
    st.sampled_from(PLACES), st.sampled_from(["", " | quote", " | toInt", " | toLiteral"]), VALUES
)
@example(PLACES[4], "", "1,2")
@example(PLACES[0], " | quote", "\n---\nb: 1")
@example(PLACES[9], " | toInt", "-1")
def test_no_value_changes_the_structure(place: str, ending: str, value: str) -> None:
    text = place.replace("<>", f"{OPEN} {READ}{ending} hub}}}}")
    found = outcomes(text, value)
    plain = outcomes(text, "1")
    assert plain is not None
    if found is not None:
        assert structure(found) == structure(plain)
        assert found.count("\n") == place.count("\n")
        assert len(found) <= LIMIT


@given(VALUES)
def test_a_quoted_value_is_the_value_for_yaml_and_json(value: str) -> None:
    found = outcomes(f"{OPEN} {READ} | quote hub}}}}", value)
    if found is not None:
        assert yaml.safe_load(found) == value
        assert json.loads(found) == value


@given(VALUES)
def test_a_plain_value_stands_there_as_it_is(value: str) -> None:
    found = outcomes(f"'{OPEN} {READ} hub}}}}'", value)
    if found is not None:
        assert found == f"'{value}'"


PIECES = (
    OPEN, "hub}}", " ", "\n", '"', "`", "(", ")", "|", "printf", "%s", "index", "fromConfigMap",
    ".ManagedClusterName", ".ManagedClusterLabels", ".region", "toInt", "quote", "\\", "'", "&",
    "-", '"a"', '""', "x", "{{",
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=25).map("".join))


@given(TEXTS, st.dictionaries(st.sampled_from(["region", "a"]), VALUES))
def test_any_text_is_rendered_or_refused(text: str, labels: dict[str, str]) -> None:
    with suppress(TemplateError):
        parsed = parse(text)
        assert stand_in(parsed).count("\n") == text.count("\n")
        assert len(render(parsed, ClusterValues("a", labels), LIMIT)) <= LIMIT
    if OPEN not in text:
        assert render(parse(text), ClusterValues("a", labels), LIMIT) == text


def test_a_text_of_nothing_but_templates_is_parsed_in_a_moment() -> None:
    """Half a megabyte in one line: what stands before a template is read once."""
    text = "{{hub .ManagedClusterName hub}}," * 5_000
    assert render(parse(text), ClusterValues("a", {}), LIMIT) == "a," * 5_000
    assert len(parse("[*," * 150_000 + '" {{hub "a" hub}}').templates) == 1
