"""A neighbour that is missing: its tests are skipped, or fail where it must be there."""

import re
from pathlib import Path

import pytest
from _pytest.outcomes import Failed, Skipped

from tests.neighbours import programs


@pytest.fixture(autouse=True)
def nothing_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the environment nor a folder beside the repository has any."""
    monkeypatch.setattr(programs, "_beside", dict)
    for variable in (*programs.UPSTREAM, programs.REQUIRE):
        monkeypatch.delenv(variable, raising=False)


def test_a_program_that_nothing_names_is_skipped_with_the_way_to_have_all_three(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TALM", "/somewhere/talm")
    with pytest.raises(Skipped) as skipped:
        programs.program("OCM_WORK_AGENT")
    words = str(skipped.value)
    assert words.startswith("OCM_WORK_AGENT names nothing")
    assert "need all three, OCM_WORK_AGENT, TALM, NEIGHBOUR_CRDS." in words
    assert "\n" not in words
    assert "go build" in words
    assert "talm ." not in words  # it is there


def test_every_source_is_pinned() -> None:
    for source in programs.UPSTREAM.values():
        pins = re.findall(r"https://github\.com/\S+ at [0-9a-f]{40}\b", source)
        assert len(pins) == source.count("https://")


@pytest.mark.parametrize(("value", "outcome"), [("1", Failed), ("0", Skipped), ("", Skipped)])
def test_a_missing_neighbour_that_is_required_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv(programs.REQUIRE, value)
    with pytest.raises(outcome, match="TALM names nothing"):
        programs.program("TALM")
    monkeypatch.setenv("NEIGHBOUR_CRDS", str(tmp_path))
    with pytest.raises(outcome, match="no CRD of policies"):
        programs.crd("policies")
    (tmp_path / "policies.yaml").touch()
    assert programs.crd("policies") == tmp_path / "policies.yaml"
