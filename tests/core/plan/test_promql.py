"""R50.18: placeholders of queries, which no label can turn into another query."""

import pytest

from ibgu.core.plan.promql import filled, missing_label, query_faults

REGION = "example.com/region"


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("up", "up"),
        ('up{cluster="$cluster"} == 1', 'up{cluster="site-1"} == 1'),
        ("up{cluster='$cluster'}", "up{cluster='site-1'}"),
        ('up{a="$label(example.com/region)-$cluster"}', 'up{a="north-site-1"}'),
        ('up{a="\\"$cluster"}', 'up{a="\\"site-1"}'),
        ('up{a=~"end$|$cluster.*"}', 'up{a=~"end$|site\\U0000005c-1.*"}'),
        ('up{a !~ # all but it\n "$cluster"}', 'up{a !~ # all but it\n "site\\U0000005c-1"}'),
        ('up{a=~"x", b="$cluster"}', 'up{a=~"x", b="site-1"}'),
        ("up # of $cluster, isn't it", "up # of $cluster, isn't it"),
        ('up{a=`"`, b="$cluster"}', 'up{a=`"`, b="site-1"}'),
    ],
)
def test_placeholders_are_filled_where_they_stand_in_a_string(query: str, asked: str) -> None:
    assert list(query_faults(query)) == []
    assert filled(query, "site-1", {REGION: "north"}) == asked


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ('"} or vector(1) #', "\\U00000022\\U0000007d\\U00000020or"),
        ("'", "\\U00000027"),
        ("\\", "\\U0000005c"),
        ("a\nb", "a\\U0000000ab"),
        ("\N{SNOWMAN}", "\\U00002603"),
    ],
)
def test_a_value_can_not_leave_its_string(value: str, escaped: str) -> None:
    asked = filled(f'up{{a="$label({REGION})"}}', "site-1", {REGION: value})
    assert asked.startswith(f'up{{a="{escaped}')
    assert asked.endswith('"}')
    assert asked.count('"') == 2


def test_a_value_in_a_regular_expression_matches_itself_alone() -> None:
    asked = filled(f'up{{a=~"$label({REGION})"}}', "site-1", {REGION: "a.b"})
    assert asked == 'up{a=~"a\\U0000005c.b"}'


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("up{a=$cluster}", "has $cluster outside of a quoted string"),
        ("up{a=`$label(b)`}", "has $label(b) outside of a quoted string"),
        ('up{a="$clusters"}', "knows $cluster and $label(key), and no $clusters"),
        ('up{a="$label"}', "knows $cluster and $label(key), and no $label"),
        ('up{a="$label(a b)"}', '"a b" in $label(key) is not the key of a label'),
        ('up{a="', "has a string that does not end"),
        ('up{a="b\nc"}', "has a string that does not end"),
    ],
)
def test_a_query_that_can_not_be_filled_says_why(query: str, fault: str) -> None:
    assert next(query_faults(query)) == fault


def test_the_first_label_that_a_cluster_lacks_is_named() -> None:
    query = 'up{a="$cluster", b="$label(b)", c="$label(c)"} # $label(d)'
    assert missing_label(query, {"b": ""}) == "c"
    assert missing_label(query, {"b": "", "c": ""}) == ""
