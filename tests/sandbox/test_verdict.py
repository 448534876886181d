"""Whether a demo ended as it was meant, and how it says so."""

from typing import Any

import pytest

from ibgu.sandbox.demo.ending import DONE, UNEXPECTED
from ibgu.sandbox.demo.verdict import verdict


def entry(name: str, *, failed: str = "", completed: str = "Prep") -> dict[str, Any]:
    done = [{"action": action} for action in completed.split()]
    return {
        "name": name,
        "completedActions": done,
        **({"failedActions": [{"action": failed, "message": "no"}]} if failed else {}),
    }


IBGU = {
    "status": {
        "clusters": [
            entry("site-1", completed="Prep Upgrade FinalizeUpgrade"),
            entry("site-2", failed="Upgrade"),
            entry("site-3"),
        ]
    }
}


@pytest.mark.parametrize(
    ("meant", "code", "surprises"),
    [
        (["site-2"], DONE, ()),
        ([], UNEXPECTED, ("site-2 failed without being made to",)),
        (["site-2", "site-3"], UNEXPECTED, ("site-3 did not fail, though made to",)),
        (
            ["site-4", "site-3"],
            UNEXPECTED,
            (
                "site-2 failed without being made to",
                "site-3, site-4 did not fail, though made to",
            ),
        ),
    ],
)
def test_the_demo_passes_if_only_the_intended_clusters_failed(
    meant: list[str], code: int, surprises: tuple[str, ...]
) -> None:
    end = verdict(IBGU, meant, "Upgrade")
    assert end.code == code
    assert end.lines[1:] == tuple(f"Not as meant: {each}." for each in surprises)


def test_the_demo_passes_whatever_becomes_of_clusters_with_faults_of_the_user() -> None:
    end = verdict(IBGU, [], "Upgrade", {"site-2", "site-3"})
    assert (end.code, end.lines[1:]) == (DONE, ())


def test_a_prepared_cluster_is_not_counted_as_upgraded() -> None:
    (line,) = verdict(IBGU, ["site-2"], "Upgrade").lines
    assert line == "Done. Clusters with the new release: 1; failed: 1 (made to fail: 1)."


def test_nobody_is_a_verdict_too() -> None:
    assert verdict({"status": {}}, [], "Upgrade").code == DONE
