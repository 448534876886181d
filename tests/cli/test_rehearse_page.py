"""`ibgu rehearse --html`: one file without script or network, with all that was rehearsed."""

from msgspec.structs import replace

from ibgu.cli.rehearse.page import MAX_REGIONS, RehearsedFile, page
from ibgu.core.rehearsal.outlook import (
    ApprovalOutlook,
    Outlook,
    PolicyOutlook,
    StepOutlook,
    TripOutlook,
)
from ibgu.core.rehearsal.spread import Percentiles
from ibgu.core.rehearsal.timeline import LoadPoint
from tests.cli.report.samples import HOSTILE
from tests.cli.report.test_page import Read
from tests.core.engine.decide.fleet import START

ENDS = Percentiles(3600.0, 7200.0, 10800.0)
NONE = Percentiles(0.0, 0.0, 0.0)


def found() -> Outlook:
    return Outlook(
        runs=100,
        clusters=500,
        end=ENDS,
        held={"failure budget": 0.25},
        trips=(TripOutlook("failure budget", "careful", 1, 0.25, Percentiles(3, 3, 3), NONE),),
        steps=(
            StepOutlook(("Prep",), 1.0, ENDS, 490.0, 10.0, 0.0, 0.5),
            StepOutlook(("Upgrade",), 0.0, None, 0.0, 0.0, 0.0, 0.0),
        ),
        policies=(PolicyOutlook("nights", Percentiles(1, 2, 3), Percentiles(4, 5, 6)),),
        slots=40,
        pulls=Percentiles(1, 2, 3),
        regions={"north": ENDS, "": ENDS},
        ends=(3600.0, 7200.0, 10800.0),
        load=(
            LoadPoint(0.0, Percentiles(1, 2, 3), Percentiles(4, 5, 6), Percentiles(7, 8, 9)),
            LoadPoint(600.0, NONE, NONE, NONE),
        ),
    )


def read(*plans: RehearsedFile, image: float = 0.0, label: str = "") -> Read:
    return Read(page(plans, START, image, label))


def test_the_page_has_ends_steps_policies_and_load() -> None:
    words = read(RehearsedFile("region-7.yaml", found()), image=2.5, label="region").words
    for expected in (
        "Rehearsal of region-7.yaml",
        "Runs 100",
        "2026-01-01 02:00 likely",
        "In 25% of the runs the failure budget of RolloutPolicy careful stops step 1, with 3 ",
        "1 Prep 2026-01-01 01:00 2026-01-01 02:00 2026-01-01 03:00 490 10 0 100% 50%",
        "2 Upgrade - - - 0 0 0 0% 0%",
        "By region",
        "(none)",
        "nights 2 (1 to 3) 5 (4 to 6) 0 (0 to 0) 0 (0 to 0)",
        "Clusters in flight: 40 at most",
        "Registry: 9 pulls within a minute, 22 GiB",
        "Hub: about 24 writes within a minute",
        "Not rehearsed: other rollouts",
    ):
        assert expected in words, (expected, words)
    assert "Compared" not in words


def test_two_plans_stand_side_by_side() -> None:
    second = replace(found(), slots=80, policies=(), regions={})
    words = read(RehearsedFile("a.yaml", found()), RehearsedFile("b.yaml", second)).words
    for expected in (
        "Compared a.yaml b.yaml",
        "Most clusters in flight 40 80",
        "Clusters wait for policies, in all 5 h 0 h",
        "No RolloutPolicy holds this rollout.",
        "Registry: 9 pulls within a minute ",
    ):
        assert expected in words, (expected, words)


def test_the_rehearsed_page_is_whole_and_loads_nothing() -> None:
    hostile = replace(
        found(), regions={HOSTILE: ENDS}, policies=(replace(found().policies[0], name=HOSTILE),)
    )
    text = read(RehearsedFile(HOSTILE, hostile), label=HOSTILE)
    assert not text.tags & {"script", "link", "img", "iframe", "a"}
    assert not [name for name, _ in text.attributes if name.startswith("on") or name == "href"]


def test_values_beyond_the_first_are_counted() -> None:
    many = {f"r{number:04}": ENDS for number in range(MAX_REGIONS + 3)}
    words = read(RehearsedFile("a.yaml", replace(found(), regions=many)), label="site").words
    assert "And 3 values more." in words
    assert f"r{MAX_REGIONS:04}" not in words


def test_the_page_has_approvals_and_what_is_taken_for_granted() -> None:
    approval = ApprovalOutlook("board", 2, "Rest", 0.5, ENDS)
    prep = StepOutlook(("Prep",), 1.0, Percentiles(-60, -60, -60), 490.0, 0, 0, 0, over=True)
    changes = {"approvals": (approval,), "assumed": ("no cluster warns",), "steps": (prep,)}
    words = read(RehearsedFile("a", replace(found(), **changes))).words
    assert "board the rest of step 2 behind its canaries 50% 2026-01-01 01:00" in words
    assert "Taken for granted: no cluster warns" in words
    assert "1 Prep 2025-12-31 23:59 2025-12-31 23:59" in words


def test_the_page_says_that_a_rollout_never_ends() -> None:
    stands = replace(found(), held={"policy": 1.0}, endless=("net requires a backup",))
    words = read(RehearsedFile("a", stands)).words
    assert "Comes to stand, and never ends" in words
    assert "Net requires a backup." in words
