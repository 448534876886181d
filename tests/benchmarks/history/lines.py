"""All lines of a history, in the order in which a hub would have written them."""

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache

from ibgu.core.model import RecordedDecision
from tests.benchmarks.history import records
from tests.benchmarks.history.member_lines import MemberLines, life, told_at
from tests.benchmarks.history.plan import ACTIONS, WAVE, Course, History, fails

Changeset = list[str]
"""Lines of events, in which NUMBER stands for their numbers."""
NUMBER = "\x02"
TOGETHER = 4
"""Rollouts that go on at the same time."""
OF_A_TURN = 20
"""Members that one turn tells about."""


class Steps:
    """One step of one rollout."""

    def __init__(self, history: History, course: Course, step: int) -> None:
        self._history = history
        self._course = course
        self._step = step
        self._slots, self._started = course.slots, course.started(step)
        self._known: dict[int, dict[str, str]] = {}

    def events(self) -> Iterator[Changeset]:
        course, step = self._course, self._step
        yield self._about(records.begins(course, step), course.started(step))
        yield from self._turns(range(course.size), "joins")
        for first in range(0, course.touched(step), course.slots):
            wave = range(first, min(first + course.slots, course.touched(step)))
            for phase in ("starts", "runs"):
                yield from self._turns(wave, phase)
            over = range(first, min(wave.stop, course.ended(step)))
            for phase in ("ends", "settles"):
                yield from self._turns(over, phase)
        yield self._about(records.ends(course, step), course.started(step + 1))

    def members(self) -> Iterator[str]:
        return (self._line(each, self._state(each)) for each in range(self._course.size))

    def runs(self) -> Iterator[str]:
        course, step = self._course, self._step
        for each in range(course.touched(step)):
            yield self._line(each, "over" if each < course.ended(step) else "running")

    def _state(self, each: int) -> str:
        if each < self._course.ended(self._step):
            return "finished"
        return "in_flight" if each < self._course.touched(self._step) else "waiting"

    def _turns(self, wave: range, phase: str) -> Iterator[Changeset]:
        for first in range(wave.start, wave.stop, OF_A_TURN):
            part = range(first, min(first + OF_A_TURN, wave.stop))
            yield [line for each in part for line in self._told(each, phase)]

    def _about(self, told: tuple[RecordedDecision, ...], at: datetime) -> Changeset:
        return [line % {"seq": NUMBER} for line in told_at(self._history.hub, at, told)]

    def _told(self, each: int, phase: str) -> list[str]:
        values = self._known.get(each) or self._known.setdefault(each, self._values(each))
        values["at"] = values["ended" if phase in ("ends", "settles") else "began"]
        lines: tuple[str, ...] = getattr(self._life(each), phase)
        return [line % values for line in lines]

    def _line(self, each: int, state: str) -> str:
        line: str = getattr(self._life(each), state)
        return line % self._values(each)

    def _life(self, each: int) -> MemberLines:
        return life(self._history.hub, self._step, ACTIONS[self._step], fails=fails(each))

    def _values(self, each: int) -> dict[str, str]:
        course, number = self._course, self._course.first + each
        began = self._started + WAVE * (each // self._slots)
        return {
            "seq": NUMBER,
            "rollout": course.uid,
            "cluster": self._history.cluster(number),
            "uid": self._history.cluster_uid(number),
            "run": course.run(self._step, each),
            "position": str(each),
            "slot": str(each % self._slots + 1),
            "began": _written(began),
            "ended": _written(began + timedelta(seconds=300 + each * 37 % 1100)),
            "limit": _written(began + timedelta(hours=2)),
        }


@lru_cache(10_000)
def _written(moment: datetime) -> str:
    return moment.isoformat()


def steps(history: History) -> Iterator[Steps]:
    for course in history.courses:
        for step in range(len(ACTIONS)):
            yield Steps(history, course, step)


def events(history: History) -> Iterator[str]:
    """Some rollouts go on at the same time, as they do."""
    going_on: deque[Iterator[Changeset]] = deque()
    begins = iter(history.courses)
    seq = 0
    while True:
        while len(going_on) < TOGETHER and (course := next(begins, None)) is not None:
            going_on.append(_of(history, course))
        if not going_on:
            return
        turns = going_on.popleft()
        if (turn := next(turns, None)) is not None:
            going_on.append(turns)
            for line in turn:
                seq += 1
                yield line.replace(NUMBER, str(seq), 1)


def _of(history: History, course: Course) -> Iterator[Changeset]:
    for step in range(len(ACTIONS)):
        yield from Steps(history, course, step).events()
