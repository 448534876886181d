"""Hub templates: what they may say, and what they become for a cluster."""

import pytest

from ibgu.core.text.hub_templates import (
    ClusterValues,
    TemplateError,
    parse,
    render,
    resolve,
    stand_in,
)

LIMIT = 100_000
SITE = {"cluster-1-ip": "10.0.0.1", "empty": "", "list": "a,b", "count": "-3", "on": "true"}
VALUES = ClusterValues(
    "cluster-1",
    {"region": "eu", "example.com/zone": "z-1", "none": ""},
    "default",
    {"site-data": SITE, "region-eu": {"ntp": "ntp.eu.example.com", "note": 'a: "b"\n---\nc: 1'}},
)


def rendered(text: str, limit: int = LIMIT) -> str:
    return render(parse(text), VALUES, limit)


def refused(text: str) -> str:
    with pytest.raises(TemplateError) as caught:
        rendered(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: {{hub .ManagedClusterName hub}}\n", "a: cluster-1\n"),
        ("a: {{hub .ManagedClusterLabels.region hub}}-1", "a: eu-1"),
        ('a: {{hub index .ManagedClusterLabels "example.com/zone" hub}}', "a: z-1"),
        ('a: {{hub "example.com/zone" | index .ManagedClusterLabels hub}}', "a: z-1"),
        (
            'a: {{hub fromConfigMap "" "site-data" (printf "%s-ip" .ManagedClusterName) hub}}',
            "a: 10.0.0.1",
        ),
        (
            'a: {{hub printf "region-%s" .ManagedClusterLabels.region | printf "%s" hub}}',
            "a: region-eu",
        ),
        (
            'a: {{hub fromConfigMap "default" (printf "region-%v"'
            ' (index .ManagedClusterLabels "region")) "ntp" hub}}',
            "a: ntp.eu.example.com",
        ),
        ('a: {{hub (printf "%s-ip" .ManagedClusterName) | fromConfigMap "" "site-data" hub}}',
         "a: 10.0.0.1"),
        ("a: {{hub `region` hub}} # {{ .Kept }}", "a: region # {{ .Kept }}"),
        (r'a: {{hub "x\"\\" | quote hub}}', r'a: "x\u0022\u005c"'),
        ('a: {{hub printf "1%%" | quote hub}}', r'a: "1\u0025"'.replace("\\u0025", "%")),
        ('a: {{hub "|" | quote hub}}', r'a: "\u007c"'),
        ('a: {{hub fromConfigMap "" "region-eu" "note" | quote hub}}',
         r'a: "a\u003a \u0022b\u0022\u000a---\u000ac\u003a 1"'),
        ('a: {{hub fromConfigMap "" "site-data" "empty" | quote hub}}', 'a: ""'),
        ("a: '{{hub fromConfigMap \"\" \"site-data\" \"count\" | toInt hub}}'", "a: -3"),
        ('{{hub fromConfigMap "" "site-data" "count" | toInt hub}}', "-3"),
        ('vlan: {{hub "0140" | toInt hub}}', "vlan: 140"),
        ("a: \"{{hub fromConfigMap `` `site-data` `on` | toBool hub}}\"", "a: true"),
        ("a: '{{hub .ManagedClusterName | toLiteral hub}}'", "a: cluster-1"),
        ("a: ''{{hub .ManagedClusterName | toLiteral hub}}''", "a: ''cluster-1''"),
        ("a: '{{hub .ManagedClusterName | toLiteral hub}}", "a: 'cluster-1"),
        ("a: '{{hub \"1\" | toInt hub}}'{{hub \"2\" | toInt hub}}'", "a: 12'"),
        ("{{hub .ManagedClusterName hub}}{{hub .ManagedClusterName hub}}", "cluster-1cluster-1"),
        ("{{hub .ManagedClusterName hub}}*{{hub .ManagedClusterName hub}}", "cluster-1*cluster-1"),
        ("a: \"*.{{hub .ManagedClusterName hub}}.example.com\"", 'a: "*.cluster-1.example.com"'),
        ('a: {{hub "Site 12" hub}}', "a: Site 12"),
        ('a: {{hub "\N{GRINNING FACE}é" | quote hub}}', 'a: "\N{GRINNING FACE}\\u00e9"'),
    ],
)  # fmt: skip
def test_a_template_becomes_the_clusters_value(text: str, expected: str) -> None:
    assert rendered(text) == expected


def test_a_text_without_templates_stays_the_same_object() -> None:
    text = "a: {{ .Values }} hub}} {{ hub }}\n"
    assert parse(text).templates == ()
    assert rendered(text) == text


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "a template ends too early, or is empty"),
        (" ", "a template ends too early, or is empty"),
        ("- .ManagedClusterName -", "blanks must follow {{hub and stand before hub}}"),
        (" .ManagedClusterName-", "blanks must follow {{hub and stand before hub}}"),
        (' fromSecret "" "a" "b" ', "fromSecret is not supported: templates have fromConfigMap, "
         "index, printf, quote, toInt, toBool, toLiteral"),
        (' lookup "v1" "Secret" "" "" ', "lookup is not supported"),
        (" range .ManagedClusterLabels ", "range is not supported"),
        (" if true ", "if is not supported"),
        (" $x := 1 ", "'$' is not supported in a template"),
        (r' "a\n" ', r"the escape '\\n' is not supported"),
        (" .ManagedClusterLabels ", ".ManagedClusterLabels needs a key"),
        (" .ManagedClusterLabels.a.b ", ".ManagedClusterLabels.a.b is not supported"),
        (" .PolicyMetadata ", ".PolicyMetadata is not supported: templates have "
         ".ManagedClusterName and .ManagedClusterLabels"),
        (f" .{'a' * 60} ", f".{'a' * 39}… is not supported"),
        (' index "a" "b" ', "index reads .ManagedClusterLabels alone"),
        (" index .ManagedClusterLabels ", "index takes one argument here, and has 0"),
        (' fromConfigMap "a" "b" ', "fromConfigMap takes 3 arguments here, and has 2"),
        (" printf ", "printf needs a text as its format"),
        (" printf .ManagedClusterName ", "printf needs a text as its format"),
        (' printf "%d" "1" ', "printf has %s, %v and %% here, not '%d'"),
        (' printf "%" ', "printf has %s, %v and %% here, not '%'"),
        (' printf "%s" ', "printf has too few arguments for its format"),
        (' printf "" "a" ', "printf has too many arguments for its format"),
        (' "a" "b" ', "'b' is not expected here"),
        (' "a" ) ', "')' is not expected here"),
        (' printf "%s" printf ', "'printf' is not expected here"),
        (' "a" | "b" ', "a function must follow |"),
        (' "a" | ', "a template ends too early, or is empty"),
        (' "1" | toInt | quote ', "toInt must be the last function"),
        (' printf "%s" ("1" | toInt) ', "toInt must be the last function"),
        (' ("a" ', "a parenthesis is not closed"),
        (f" {'(' * 9}\"a\"{')' * 9} ", "parentheses are nested deeper than 8 levels"),
        (f" \"{'a' * 1024}\" ", "{{hub without hub}} in the same line, within 1024 characters"),
        (' "a"\n ', "{{hub without hub}} in the same line, within 1024 characters"),
    ],
)  # fmt: skip
def test_anything_else_is_an_error_with_its_place(content: str, problem: str) -> None:
    told = refused(f"first: 1\nkey: {{{{hub{content}hub}}}}\n")
    assert told.startswith(f"line 2, column 6: {problem}")


@pytest.mark.parametrize(
    "before",
    ["a: &", "a: *x", "a: !", "- !!", "a: |", "a: >-", "[*", '{"a":*', r'a: "\u', "%YAML ", "*"],
)
def test_no_value_stands_where_it_would_decide_on_the_rest(before: str) -> None:
    before = before.removesuffix("u") if before.endswith("\\u") else before
    told = refused(f"{before}{{{{hub .ManagedClusterName hub}}}}")
    assert told.endswith("can't be part of an anchor, an alias, a tag, a header or an escape")


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        (".ManagedClusterLabels.city", "the cluster has no label 'city'"),
        (".ManagedClusterLabels.none", "the value is empty: use quote if that is intended"),
        ('fromConfigMap "other" "site-data" "on"',
         "fromConfigMap reads namespace default alone, not 'other'"),
        ('fromConfigMap "" "secrets" "on"',
         "ConfigMap 'secrets' is not among those that templates of this rollout may read"),
        ('fromConfigMap "" "site-data" "off"', "ConfigMap 'site-data' has no key 'off'"),
        ('fromConfigMap "" "site-data" "list"',
         "the value begins or ends with, or has, characters that need the function quote"),
        ('fromConfigMap "" "site-data" (fromConfigMap "" "site-data" "list")',
         "ConfigMap 'site-data' has no key that a ConfigMap names"),
        (f"index .ManagedClusterLabels \"{'a' * 70}\"", f"the cluster has no label '{'a' * 60}…'"),
        ('"-a"', "the value begins or ends with"),
        ('"a: b"', "the value begins or ends with"),
        ('"a  b"', "the value begins or ends with"),
        (".ManagedClusterName | toInt", "the value is not a whole number of up to 18 digits"),
        (".ManagedClusterName | toBool", "the value is not true or false"),
        ('fromConfigMap "" "site-data" "count" | toInt',
         "a negative number can't follow other text directly"),
        ("\"\U0001d173\" | quote", "the value has a character that can't be shown"),
        (f"printf \"%s\" \"{'a' * 70},\"", "the value begins or ends with"),
    ],
)  # fmt: skip
def test_a_template_without_a_value_for_the_cluster_is_an_error_with_its_place(
    template: str, problem: str
) -> None:
    told = refused(f"b: x{{{{hub {template} hub}}}}")
    assert told.startswith(f"line 1, column 5: {problem}")


def test_half_a_character_is_refused() -> None:
    values = ClusterValues("a", {}, "default", {"m": {"k": "\ud800"}})
    parsed = parse('{{hub fromConfigMap "" "m" "k" | quote hub}}')
    with pytest.raises(TemplateError, match="can't be shown"):
        render(parsed, values, LIMIT)


def test_a_value_and_a_text_are_bounded() -> None:
    values = ClusterValues("a", {"long": "x" * 4097, "most": "x" * 4096}, "default")
    with pytest.raises(TemplateError, match="the value has more than 4096 characters"):
        render(parse("{{hub .ManagedClusterLabels.long hub}}"), values, LIMIT)
    many = parse("{{hub .ManagedClusterLabels.most hub}}\n" * 30)
    with pytest.raises(TemplateError, match="line 25, column 1: the text would have more than"):
        render(many, values, LIMIT)


def test_each_read_of_a_config_map_is_known() -> None:
    parsed = parse(
        'a: {{hub fromConfigMap "" "x" (printf "%s" (fromConfigMap "" "y" "k")) hub}}\n'
        "b: {{hub index .ManagedClusterLabels (fromConfigMap `` `z` `k`) hub}}"
    )
    assert [each.name for _, each in parsed.lookups] == [
        parse(f'{{{{hub "{name}" hub}}}}').templates[0].expression for name in "xyz"
    ]
    assert [template.line for template, _ in parsed.lookups] == [1, 1, 2]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (".ManagedClusterName", "cluster"),
        (".ManagedClusterLabels.region", "label-region"),
        ('fromConfigMap "" "site" (printf "%s-ip" .ManagedClusterName)', "site-cluster-ip"),
        ('"1" | toInt', "1"),
        ('"true" | toBool', "true"),
        ('"a b" | quote', '"a-b"'),
        ('"%"', "x"),
        ('"12"', "x12"),
        ('.ManagedClusterName | toLiteral', "cluster"),
    ],
)  # fmt: skip
def test_a_stand_in_is_a_valid_name_in_the_same_line(template: str, expected: str) -> None:
    text = f"a: 1\nb: {{{{hub {template} hub}}}}\nc: 2\n"
    assert stand_in(parse(text)) == f"a: 1\nb: {expected}\nc: 2\n"


def test_a_single_template_is_resolved_by_itself() -> None:
    (template,) = parse("{{hub .ManagedClusterLabels.region hub}}").templates
    assert resolve(template, VALUES) == "eu"
