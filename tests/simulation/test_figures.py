"""The page's figures are of today's faults and variants, and only good ones get there."""

import pytest

from tests.simulation import faults
from tests.simulation.broken import VARIANTS
from tests.simulation.figures import GROUPS, HEADING, PAGE, caught, section


def soak(*broke: int) -> dict[str, object]:
    return {
        "seeds": 1200,
        "seeds that broke something": [*broke],
        "virtual hours": 950.4,
        "real seconds": 1790.0,
        "faults injected": {"kill": 1234, "dark": 2},
        "invariant checks held": {"R3 slots": 3000, "liveness": 7},
    }


def test_every_fault_belongs_to_one_group() -> None:
    grouped = [kind for kinds in GROUPS.values() for kind in kinds]
    assert sorted(grouped) == sorted({*faults.KINDS, *faults.OTHERS})


def test_the_section_shows_the_figures_of_a_soak() -> None:
    told = section(soak(), {"no-fencing": 1, "no-disarm": 3})
    assert told.startswith(HEADING)
    assert "1,200 seeds, 950 hours of virtual time in 30 minutes" in told
    assert "3,007 checks of 2 invariants held" in told
    assert "| processes | kill 1,234 |\n" in told
    assert "All 2 broken variants" in told
    assert told.endswith("`no-fencing`, `no-disarm` (3).\n")


def test_bad_figures_are_not_written() -> None:
    with pytest.raises(SystemExit, match=r"\[7\]"):
        section(soak(7), {})
    with pytest.raises(SystemExit, match="no-disarm"):
        caught("no-fencing caught in  1 seeds, by seed 2: x\nno-disarm    not caught in 40 seeds\n")


def test_the_page_has_every_variant_and_nearly_every_fault() -> None:
    _, _, told = PAGE.read_text().partition(HEADING)
    missing = [kind for kinds in GROUPS.values() for kind in kinds if f" {kind} " not in told]
    assert len(missing) <= 2, missing
    assert [name for name in VARIANTS if f"`{name}`" not in told] == []
