"""Collects the invariants that must hold, and their violations."""

from collections import Counter


class Found:
    """Found holds broken invariants in words, and how often each was checked and held."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.held: Counter[str] = Counter()

    def check(self, name: str, holds: bool, *words: object) -> None:
        """Records a check; `words` are formatted only if it fails."""
        if holds:
            self.held[name] += 1
        elif len(self.problems) < 20:
            self.problems.append(f"{name}: {' '.join(map(str, words))}")
