"""A report as CSV: every reader takes each cell as the text that it is."""

import csv
import io

import pytest
from msgspec.structs import replace

from ibgu.cli.report.facts import group_key
from ibgu.cli.report.rows import ReportedRow, csv_lines
from ibgu.client.responses import MemberAttemptsResponse
from tests.cli.report.samples import HOSTILE, done, failed, group, rollout, waiting


def table(*members: MemberAttemptsResponse, labels: tuple[str, ...] = ()) -> list[dict[str, str]]:
    remedies = {group_key(group()): "Check the mirror."}
    rows = (ReportedRow(rollout(), each, ("Prep",), remedies) for each in members)
    text = "\n".join(csv_lines(rows, labels))
    return list(csv.DictReader(io.StringIO(text), strict=True))


def test_a_row_for_each_cluster_and_action_with_labels() -> None:
    first, second, third = table(
        done("a", region="north"), failed("b"), waiting("c"), labels=("region",)
    )
    assert first == {
        "namespace": "default",
        "rollout": "ran-417",
        "uid": "uid-1",
        "kind": "ImageBasedGroupUpgrade",
        "release": "4.17.2",
        "cluster": "a",
        "label:region": "north",
        "step": "1",
        "action": "Prep",
        "begin": "2026-05-04T03:02:01Z",
        "end": "2026-05-04T03:03:01Z",
        "seconds": "60",
        "attempts": "1",
        "outcome": "succeeded",
        "cause": "",
        "failure": "",
        "message": "",
        "remedy": "",
        "note": "",
    }
    assert (second["label:region"], second["outcome"], second["cause"], second["failure"]) == (
        *("", "failed", "PrepFailed", "PrecacheFailed"),
    )
    assert (second["message"], second["remedy"]) == ("pull failed", "Check the mirror.")
    assert (third["outcome"], third["begin"], third["seconds"]) == ("waiting", "", "")


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t=", "\r\n@", " +", "\uff1d", "\uff20"])
def test_no_cell_is_a_formula(first: str) -> None:
    formula = f'{first}HYPERLINK("http://x",1)'
    [row] = table(failed("b", formula, region=formula), labels=("region",))
    for cell in (row["message"], row["label:region"]):
        assert cell == f"'{' '.join(formula.split())}"


@pytest.mark.parametrize("message", ['a,"b",c', "two\nlines, and\r\nmore", HOSTILE, "\x00"])
def test_a_message_stays_in_its_cell(message: str) -> None:
    [row] = table(failed("b", message))
    assert None not in row
    assert row["remedy"] == "Check the mirror."
    assert not {"\n", "\r", "\x00", "\x1b", "\u202e"} & set(row["message"])


def test_an_empty_rollout_has_only_names_of_columns() -> None:
    assert next(csv_lines([], ("region", "ring"))).split(",")[5:8] == [
        *("cluster", "label:region", "label:ring"),
    ]
    assert table() == []


def test_a_release_without_a_version_is_its_image() -> None:
    unnamed = replace(rollout(), release=replace(rollout().release, version=""))
    text = "\n".join(csv_lines([ReportedRow(unnamed, done(), ("Prep",), {})], ()))
    [row] = csv.DictReader(io.StringIO(text))
    assert row["release"] == "quay.example/seed:4.17.2"
