from pathlib import Path

import pytest

from tests.benchmarks import compare
from tests.benchmarks.report import more_is_better

MORE = "journal events_per_second"
LESS = "200x20 handover_p50_ms"


@pytest.mark.parametrize(
    ("figure", "old", "new", "worse"),
    [
        pytest.param(LESS, [20, 22, 21], [30, 29, 31], True, id="every run is slower"),
        pytest.param(LESS, [20, 22, 21], [21, 23, 22], False, id="within a tenth"),
        pytest.param(LESS, [20, 35, 21], [30, 29, 31], False, id="no more than noise"),
        pytest.param(LESS, [30, 29, 31], [20, 22, 21], False, id="faster"),
        pytest.param(MORE, [900, 950, 920], [500, 480, 510], True, id="fewer where more is good"),
        pytest.param(MORE, [500, 480, 510], [900, 950, 920], False, id="more where more is good"),
    ],
)
def test_worse_is_what_is_beyond_the_noise(
    figure: str, old: list[float], new: list[float], worse: bool
) -> None:
    [verdict] = compare.compare([{figure: f} for f in old], [{figure: f} for f in new])
    assert verdict.worse is worse


def test_only_what_both_have_is_compared() -> None:
    assert compare.compare([{"gone": 1.0}], [{"added": 1.0}]) == []


def test_a_figure_that_was_nothing_has_a_ratio() -> None:
    [grown] = compare.compare([{LESS: 0.0}], [{LESS: 2.0}])
    assert grown.ratio == float("inf")
    [same] = compare.compare([{LESS: 0.0}], [{LESS: 0.0}])
    assert same.ratio == 1


def test_figures_of_which_more_is_better_say_so() -> None:
    assert more_is_better(MORE)
    assert not more_is_better(LESS)


def test_a_commit_is_laid_out_with_the_benchmark_of_this_tree(tmp_path: Path) -> None:
    tree = compare.tree_of("HEAD", tmp_path / "HEAD")
    assert (tree / "ibgu" / "__main__.py").is_file()
    assert (tree / "tests" / "benchmarks" / "compare.py").samefile(compare.__file__)
