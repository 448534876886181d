"""Every row was checked against k8s.io/client-go v0.36 with missing keys allowed."""

from typing import Any

import pytest

from ibgu.sim.jsonpath import PathError, find

OBJECT: dict[str, Any] = {
    "metadata": {"generation": 2, "annotations": {"extra.lca.io/warn": "careful", "a": "1"}},
    "spec": {"stage": "Prep", "n": 3, "f": 1.5, "b": True, "nothing": None, "empty": []},
    "status": {
        "validNextStages": ["Idle", "Upgrade"],
        "one": ["Idle"],
        "numbers": [1, 2, 3, 4],
        "mixed": [1, "a", True],
        "nested": [[1, 2], [3]],
        "conditions": [
            {"type": "Idle", "status": "False", "og": 1},
            {"type": "PrepCompleted", "status": "True", "og": 2, "message": "done"},
        ],
    },
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".spec.stage", ["Prep"]),
        ("$.spec.stage", ["Prep"]),
        ("@.spec.stage", ["Prep"]),
        ("['spec']['stage']", ["Prep"]),
        (".spec.missing", []),
        (".spec.missing.deeper", []),
        (".spec.stage.deeper", []),
        (".spec.nothing", [None]),
        (".spec.nothing.deeper", []),
        (".spec.empty", [[]]),
        (r".metadata.annotations.extra\.lca\.io/warn", ["careful"]),
        (r".metadata.annotations['extra\.lca\.io/warn']", ["careful"]),
        (".metadata.annotations['extra.lca.io/warn']", []),
        ('.status.conditions[?(@.type=="Idle")].status', ["False"]),
        (".status.conditions[?(@.type=='Idle')].status", ["False"]),
        ('.status.conditions[?(@.type=="Nope")].status', []),
        ('.status.conditions[?(@.type=="PrepCompleted")].message', ["done"]),
        ('.status.conditions[?(@.type=="PrepCompleted")].message\'', []),
        (".status.conditions[?(@.message)].type", ["PrepCompleted"]),
        (".status.conditions[?(@.og>1)].type", ["PrepCompleted"]),
        (".status.conditions[?(@.og<=1)].type", ["Idle"]),
        ('.status.conditions[?(@.type!="Idle")].type', ["PrepCompleted"]),
        ('.status.conditions[?(@.missing=="x")].type', []),
        ('.status.validNextStages[?(@=="Upgrade")]', ["Upgrade"]),
        ('.status.validNextStages[?(@=="Rollback")]', []),
        ('.status.missing[?(@=="Upgrade")]', []),
        (".status.validNextStages[1]", ["Upgrade"]),
        (".status.missing[1]", []),
        (".status.validNextStages[*]", ["Idle", "Upgrade"]),
        (".status.one[-1:]", ["Idle"]),
        (".status.one[-1]", ["Idle"]),
        (".spec.empty[*]", []),
        (".status.numbers[1:3]", [2, 3]),
        (".status.numbers[:-1]", [1, 2, 3]),
        (".status.numbers[-2:]", [3, 4]),
        (".status.numbers[::2]", [1, 3]),
        (".status.numbers[1:1]", []),
        (".status.numbers[0,2]", [1, 3]),
        (".status.numbers[?(@>2)]", [3, 4]),
        (".status.nested[*][0]", [1, 3]),
        (".status.conditions[*].type", ["Idle", "PrepCompleted"]),
        ("..og", [1, 2]),
        ("...x", []),
        (".metadata.annotations.*", ["careful", "1"]),
        ('"text"', ["text"]),
        ("true", [True]),
        ("12", [12]),
        ("1.5", [1.5]),
        ("", [OBJECT]),
    ],
)
def test_paths_select_as_in_client_go(path: str, expected: list[Any]) -> None:
    assert find(path, OBJECT) == expected


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("spec.stage", "unrecognized identifier spec"),
        (".status.one[1]", "array index out of bounds: index 1, length 1"),
        (".status.one[1:2]", "array index out of bounds: index 1, length 1"),
        (".status.one[-2]", "array index out of bounds: index -1, length 1"),
        (".spec.empty[0]", "array index out of bounds: index 0, length 0"),
        (".status.numbers[3:1]", "starting index 3 is greater than ending index 1"),
        (".status.numbers[0:4:0]", "step must be > 0"),
        (".spec.stage[0]", "string is not array or slice"),
        (".spec.n[0]", "int64 is not array or slice"),
        (".spec.nothing[?(@.x)]", "<nil> is not array or slice and cannot be filtered"),
        (".spec.b[?(@.x)]", "true is not array or slice and cannot be filtered"),
        ('.status.conditions[?(@.og=="1")]', "incompatible types for comparison"),
        (".status.mixed[?(@<true)]", "incompatible types for comparison"),
        (".status.conditions[?(@>1)]", "invalid type for comparison"),
        ('.status.conditions[?(@.type=<"I")]', "unrecognized filter operator =<"),
        ('.status.conditions[?(@.type=~"I")]', "unrecognized character in action: U+007E '~'"),
        (".status.conditions[a]", "invalid array index a"),
        (".status.conditions[0", "unterminated array"),
        ('.status.conditions[?(@.type=="Idle"].x', "unterminated filter"),
        ('.status.conditions[?(@.type=="Idle") ]', "unclosed array expect ]"),
        ("'open", "unterminated quoted string"),
        ("+", "cannot parse number +"),
        (".a,b", "unrecognized character in action: U+002C ','"),
        ("....x", "invalid multiple recursive descent"),
        (".spec.stage\\", "unclosed action"),
    ],
)
def test_invalid_paths_are_refused_as_in_client_go(path: str, message: str) -> None:
    with pytest.raises(PathError) as caught:
        find(path, OBJECT)
    assert str(caught.value) == message


def test_map_is_printed_as_go_prints_it() -> None:
    with pytest.raises(PathError, match=r"^map\[x:\[1 a\] y:<nil>\] is not array or slice"):
        find(".m[?(@.z)]", {"m": {"y": None, "x": [1, "a"]}})
