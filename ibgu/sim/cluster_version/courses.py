"""The scripts of a cluster's operators, played in virtual time."""

from collections.abc import Callable, Collection, Generator

from msgspec import Struct

from ibgu.sim.clock import NEVER


class _Course(Struct):
    """_Course is something that goes on in the cluster: its script yields seconds to wait."""

    script: Generator[float]
    due: float


class Courses:
    """Courses plays scripts side by side; one that begins ends the former one of its name."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._courses: dict[str, _Course] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._courses

    @property
    def next_at(self) -> float:
        return min((course.due for course in self._courses.values()), default=NEVER)

    def begin(self, name: str, script: Generator[float], now: float) -> None:
        self.end(name)
        self._courses[name] = _Course(script, now)

    def end(self, name: str) -> None:
        if course := self._courses.pop(name, None):
            course.script.close()

    def end_all(self, but: Collection[str] = ()) -> None:
        for name in self._courses.keys() - set(but):
            self.end(name)

    def hurry(self, name: str, now: float) -> None:
        """Ends the wait of a script."""
        self._courses[name].due = now

    def advance(self, now: float, at: Callable[[float], None]) -> None:
        """Plays what is due; calls `at` with the time of each part before it."""
        while self.next_at <= now:
            name = min(self._courses, key=lambda each: self._courses[each].due)
            course = self._courses[name]
            at(course.due)
            pause = next(course.script, None)
            if self._courses.get(name) is not course:
                continue
            if pause is None:
                del self._courses[name]
            else:
                course.due += pause * self._scale
