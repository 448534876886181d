"""A report as one HTML file: what it says, and that nothing of others becomes markup."""

import re
from html.parser import HTMLParser

import pytest

from ibgu.cli.report.elements import Markup, element, prose
from ibgu.cli.report.facts import RolloutFacts, RolloutReport
from ibgu.cli.report.page import page
from ibgu.client.responses import (
    CountsResponse,
    ReasonCountResponse,
    ReasonResponse,
    RollbackResponse,
)
from tests.cli.report.samples import (
    HOSTILE,
    done,
    entry,
    facts,
    failed,
    group,
    later,
    rollout,
    step,
    waiting,
)

VOID = {"meta", "path", "rect", "line"}


class Read(HTMLParser):
    """A strict reader: every element is closed where it must be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.tags: set[str] = set()
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.handle_startendtag(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert (tag in VOID) != (bool(self.open) and self.open[-1] == tag)
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def read(found: RolloutFacts, against: RolloutFacts | None = None) -> Read:
    return Read(page(RolloutReport(found, against)))


def whole() -> RolloutFacts:
    counts = CountsResponse(total=3, succeeded=1, failed=1, waiting=1)
    return facts(
        done("a", region="north"),
        failed("b", region="north"),
        waiting("c", who="person"),
        labels=("region",),
        rollout=rollout(counts=counts, phase="CompletedWithFailures", warned=1),
        failures=(group(),),
        activity=(
            entry(30, "RolloutReleased", who="bob", via="cli"),
            entry(
                10, "RolloutHeld", text="paused by alice", who="alice", via="page", hold="Paused"
            ),
            entry(1, "RolloutSeen", text="Prep"),
        ),
    )


def test_the_page_says_what_happened() -> None:
    words = read(whole()).words
    for expected in (
        "ran-417 CompletedWithFailures",
        "ImageBasedGroupUpgrade in namespace default",
        "Image quay.example/seed:4.17.2",
        "Created by via the hub (kubectl-create)",
        "Took 1 h",
        "Hub hub-1",
        "3 clusters",
        "1 cluster completed an action with a warning.",
        "1 Prep 20 4 h",
        "Prep: PrecacheFailed in step 1: 1 cluster",
        "What to do: Check the mirror, then run ibgu retry NAME .",
        "By region: north (1)",
        "rollout Paused: paused by alice 2026-05-04 03:02:11 2026-05-04 03:02:31 bob (cli) 20 s",
        "Step 1, GateClosed: 1 cluster since 2026-05-04 03:02:06 (c). closed",
        "alice (page) RolloutHeld",
        "anyone who may write the object can claim another one.",
        "As ibgu knew it at 2026-05-04 05:02:01.",
    ):
        assert expected in words
    assert "Compared" not in words
    assert "The oldest activity is missing" not in words


def test_hostile_words_become_neither_markup_nor_control_characters() -> None:
    labels = (HOSTILE,)
    hostile = facts(
        failed(HOSTILE, HOSTILE, **{HOSTILE: HOSTILE}),
        waiting(HOSTILE, who="person"),
        labels=labels,
        hub=HOSTILE,
        rollout=rollout(
            name=HOSTILE,
            namespace=HOSTILE,
            kind=HOSTILE,
            phase=HOSTILE,
            created_by=HOSTILE,
            counts=CountsResponse(total=2, failed=1, waiting=1),
            hold=ReasonResponse(kind="x", since=later(0), who="person", message=HOSTILE),
        ),
        steps=(step(1, HOSTILE),),
        failures=(
            group(
                failure=HOSTILE,
                message=HOSTILE,
                means=HOSTILE,
                remedy=HOSTILE,
                clusters=(HOSTILE,),
                aborted=(HOSTILE,),
            ),
        ),
        activity=(entry(1, "RolloutHeld", text=HOSTILE, who=HOSTILE, via=HOSTILE),),
    )
    found = read(hostile, hostile)
    plain = read(whole(), whole())
    assert found.tags == plain.tags
    assert {name for name, _ in found.attributes} == {name for name, _ in plain.attributes}
    assert "<script>alert(1)</script>" in found.words
    assert not set("\x1b\u202e") & set(found.words)


def test_the_file_needs_nothing_from_elsewhere() -> None:
    text = page(RolloutReport(whole(), whole()))
    found = Read(text)
    assert found.tags & {"script", "link", "img", "iframe", "a", "base"} == set()
    assert {name for name, _ in found.attributes} & {"src", "href", "style", "onload"} == set()
    assert not re.search(r"url\(|@import|https?://", text)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in found.attributes
    assert text.isascii()


def test_an_empty_rollout_has_a_page() -> None:
    pending = rollout(phase="Pending", started_at=None, completed_at=None, created_by=None, plan=())
    words = read(facts(rollout=pending, labels=("region",))).words
    assert "No cluster has been in a step of this rollout." in words
    assert "No step has begun." in words
    assert "No cluster failed or was cancelled." in words
    assert "No hold of the rollout or of one of its steps is recorded." in words
    assert "No change by a person is recorded." in words
    assert "Nothing, as far as ibgu knows." in words
    assert "Took -" in words


def test_a_running_rollout_says_so() -> None:
    held = ReasonResponse(kind="CircuitBreaker", since=later(9), who="person", message="5 failed")
    running = rollout(
        phase="Held",
        completed_at=None,
        hold=held,
        counts=CountsResponse(total=5, running=2, waiting=3),
        rollback=RollbackResponse(clusters=2, until=later(99)),
    )
    reasons = (ReasonCountResponse(kind="GateClosed", who="ibgu", count=3, overdue=1),)
    unfinished = step(state="running", finished_at=None, reasons=reasons)
    found = facts(
        waiting("c"),
        rollout=running,
        steps=(unfinished, step(2, started_at=None)),
        activity=(entry(9, "StepHeld", step=1, text="5 failed"),),
    )
    words = read(found).words
    assert "The rollout had not ended at 2026-05-04 05:02:01." in words
    assert "Took 2 h until now" in words
    assert "5 not finished" in words
    assert "The rollout is held since 2026-05-04 03:02:10: 5 failed" in words
    assert "2 clusters can be rolled back, the first until 2026-05-04 03:03:40" in words
    assert "1 GateClosed ibgu 3 1" in words
    assert "StepHeld: 1 h 59 min" in words
    assert "step 1 StepHeld: 5 failed 2026-05-04 03:02:10 lasts - 1 h 59 min" in words
    assert "Step 2" not in words


def test_two_rollouts_are_compared() -> None:
    counts = CountsResponse(total=4, succeeded=3, failed=1)
    other = facts(
        done("x", end=20),
        rollout=rollout(name="z-stream", kind="FleetUpdate", counts=counts),
        failures=(group(count=1), group(failure=None, cause=None, action=None, count=2)),
    )
    words = read(whole(), other).words
    assert "default/ran-417 default/z-stream" in words
    assert "Kind ImageBasedGroupUpgrade FleetUpdate" in words
    assert "Failed 1 (33.3%) 1 (25.0%)" in words
    assert "Prep: p50 1 min 20 s" in words
    assert "Prep: PrecacheFailed 1 1" in words
    assert "failed 0 2" in words


def test_long_lists_are_cut_and_counted() -> None:
    groups = tuple(group(failure=f"F{number}", count=number) for number in range(150, 0, -1))
    activity = tuple(entry(n, "RolloutHeld", who="alice", text=str(n)) for n in range(500, 0, -1))
    members = (failed(f"c{n}", serial=str(n)) for n in range(60))
    found = facts(
        *members,
        labels=("serial",),
        failures=(*groups, group(count=60)),
        activity=activity,
        rollout=rollout(counts=CountsResponse(total=60, failed=60)),
    )
    words = read(found).words
    assert "51 smaller groups more, of 1,335 clusters." in words
    assert "The newest 200 of 500 changes." in words
    assert "The 10 longest of 500 holds." in words
    assert words.count("The oldest activity is missing") == 2
    assert "The 40 largest of 60 values." in words


@pytest.mark.parametrize("value", [HOSTILE, "\"'<>&"])
def test_text_and_attributes_are_escaped(value: str) -> None:
    read = Read(element("p", value, class_=value, title=None))
    assert read.tags == {"p"}
    assert [name for name, _ in read.attributes] == ["class"]
    assert element("p", Markup("<b>x</b>")) == "<p><b>x</b></p>"
    assert "<script" not in prose(f"run `{value}` now")


def test_commands_in_ibgus_words_are_code() -> None:
    assert prose("run `ibgu get` now") == "run <code>ibgu get</code> now"
