import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibgu.core.model.kinds import LabelRequirement, LabelSelector
from ibgu.core.plan import matches, parse_selector


def requirement(key: str, operator: str, *values: str) -> LabelRequirement:
    return LabelRequirement(key, operator, list(values))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b", [requirement("a", "In", "b")]),
        ("a==b", [requirement("a", "In", "b")]),
        (" a = b ", [requirement("a", "In", "b")]),
        ("a=", [requirement("a", "In", "")]),
        ("a=,b", [requirement("a", "In", ""), requirement("b", "Exists")]),
        ("c!=d", [requirement("c", "NotIn", "d")]),
        ("e in (x,y)", [requirement("e", "In", "x", "y")]),
        ("e in(x)", [requirement("e", "In", "x")]),
        ("e in (,x)", [requirement("e", "In", "", "x")]),
        ("f notin (z)", [requirement("f", "NotIn", "z")]),
        ("example.com/g", [requirement("example.com/g", "Exists")]),
        ("!h", [requirement("h", "DoesNotExist")]),
        ("in in (in)", [requirement("in", "In", "in")]),
        (
            "a=b,c!=d , e in (x, y),!h",
            [
                requirement("a", "In", "b"),
                requirement("c", "NotIn", "d"),
                requirement("e", "In", "x", "y"),
                requirement("h", "DoesNotExist"),
            ],
        ),
    ],
)
def test_selector_texts_are_parsed(text: str, expected: list[LabelRequirement]) -> None:
    assert parse_selector(text) == LabelSelector(match_expressions=expected)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a label's key is missing"),
        ("a=b,", "a label's key is missing"),
        ("!", "a label's key is missing"),
        ("=b", '"=" instead of a label\'s key'),
        ("a b", '"b" after "a"'),
        ("a=b c", '"c" instead of ","'),
        ("a in x", '"x" instead of "("'),
        ("a in (x", '")" is missing'),
        ("a in (x y)", '"y" instead of ")"'),
        ("a=b=c", '"=" instead of ","'),
        ("a>1", '"a>1" can\'t be the key of a label'),
        ("a=-", '"-" can\'t be the value of a label (key a)'),
        ("a//b", '"a//b" can\'t be the key of a label'),
    ],
)
def test_invalid_selectors_are_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_selector(text)
    assert str(caught.value).startswith(words)


@given(st.text(alphabet="ab =!,()innot", max_size=20))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        selector = parse_selector(text)
    except ValueError:
        return
    assert matches(selector, {"a": "b"}) in (True, False)
