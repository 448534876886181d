"""`python -m tests.simulation`: run seeds, for as long as wanted; replay one; prove the net."""

import argparse
import gc
import itertools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.in_memory import keep_in_memory
from tests.simulation.broken import VARIANTS, broken
from tests.simulation.faults import Fault, theme
from tests.simulation.kinds import KINDS, UPGRADE, SimulatedKind
from tests.simulation.postgres import database, server
from tests.simulation.run import CRASH, OWN_ERROR, Outcome, faults_of, simulate
from tests.simulation.shrink import shrunk

FRESH = 200
"""Seeds after which a new database is begun."""


def main() -> int:
    asked = _arguments()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of sets follows from the hashes of strings: a seed must always be the same.
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])
    keep_in_memory()
    # Each controller collects garbage when it ends: a third of a seed's time went into walks over
    # what was imported.
    gc.collect()
    gc.freeze()
    with server() as url:
        if asked.prove:
            return _prove(url, asked.prove, asked.first, asked.within)
        if asked.seed is not None:
            return _replay(url, asked)
        return _run(url, asked)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this one")
    parser.add_argument("--only", help="numbers of the faults to keep, as 0,3,4; empty: none")
    parser.add_argument("--broken", default="", choices=["", *VARIANTS], help="break a rule")
    parser.add_argument("--kind", default="upgrade", choices=KINDS, help="of change")
    parser.add_argument("--first", type=int, default=1, help="first seed")
    parser.add_argument("--count", type=int, help="how many seeds")
    parser.add_argument("--minutes", type=float, help="as many seeds as there is time for")
    parser.add_argument("--json", type=Path, help="where to write the counts")
    parser.add_argument("--prove", nargs="+", help="broken variants that must be caught, or: all")
    parser.add_argument("--within", type=int, default=40, help="seeds a variant may take")
    return parser.parse_args()


# -- one seed ------------------------------------------------------------------------------------


def _replay(server_url: str, asked: argparse.Namespace) -> int:
    faults = _kept(asked.seed, asked.only, KINDS[asked.kind])
    with database(server_url) as url, broken(asked.broken):
        outcome = simulate(asked.seed, url, faults, KINDS[asked.kind])
    for fault in faults:
        print(fault)
    _tell(outcome)
    return 1 if outcome.problems else 0


def _kept(seed: int, only: str | None, kind: SimulatedKind) -> list[Fault]:
    drawn = faults_of(seed, kind)
    if only is None:
        return drawn
    return [drawn[int(number)] for number in only.split(",") if number]


def _tell(outcome: Outcome) -> None:
    verdict = "BROKEN" if outcome.problems else "ok"
    print(
        f"seed {outcome.seed}: {verdict}, {outcome.virtual / 60:.0f} virtual minutes in "
        f"{outcome.real:.1f} s, {len(outcome.faults)} faults, {outcome.trace}",
        flush=True,
    )
    for problem in outcome.problems:
        print(f"  {problem}")


def command(seed: int, only: Iterable[int], variant: str = "", kind: str = "upgrade") -> str:
    kept = ",".join(map(str, only))
    words = f"python -m tests.simulation --seed {seed} --only '{kept}'"
    words += f" --kind {kind}" if KINDS[kind] is not UPGRADE else ""
    return f"{words} --broken {variant}" if variant else words


def _explain(url: str, outcome: Outcome, variant: str, kind: str) -> None:
    """The shrunk list of faults, and the command that replays it."""
    drawn = faults_of(outcome.seed, KINDS[kind])

    def fails(numbers: Iterable[int]) -> bool:
        with broken(variant):
            given = [drawn[n] for n in numbers]
            return bool(simulate(outcome.seed, url, given, KINDS[kind]).problems)

    kept = shrunk(len(drawn), fails)
    print(f"  with {len(kept)} of {len(drawn)} faults:")
    for number in kept:
        print(f"    {drawn[number]}")
    print(f"  replay: {command(outcome.seed, kept, variant, kind)}", flush=True)


# -- many seeds ----------------------------------------------------------------------------------


def _run(server_url: str, asked: argparse.Namespace) -> int:
    until = time.monotonic() + asked.minutes * 60 if asked.minutes else float("inf")
    total = Total()
    for seeds in _batches(asked.first, asked.count if asked.count or asked.minutes else 100):
        with database(server_url) as url, broken(asked.broken):
            for seed in seeds:
                if time.monotonic() > until:
                    break
                outcome = simulate(seed, url, kind=KINDS[asked.kind])
                total.add(outcome)
                _tell(outcome)
                if outcome.problems:
                    _explain(url, outcome, asked.broken, asked.kind)
            else:
                continue
        break
    print(total.text())
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps(total.counts(), indent=2) + "\n")
    return 1 if total.bad else 0


def _batches(first: int, count: int | None) -> Iterator[list[int]]:
    seeds = itertools.count(first) if count is None else iter(range(first, first + count))
    while batch := list(itertools.islice(seeds, FRESH)):
        yield batch


class Total:
    def __init__(self) -> None:
        self.seeds = 0
        self.bad: list[int] = []
        self.virtual = self.real = 0.0
        self.struck: Counter[str] = Counter()
        self.results: Counter[str] = Counter()
        self.held: Counter[str] = Counter()

    def add(self, outcome: Outcome) -> None:
        self.seeds += 1
        self.virtual += outcome.virtual
        self.real += outcome.real
        self.struck += outcome.struck
        self.results += outcome.results
        self.held += outcome.held
        if outcome.problems:
            self.bad.append(outcome.seed)

    def counts(self) -> dict[str, object]:
        return {
            "seeds": self.seeds,
            "seeds that broke something": self.bad,
            "virtual hours": round(self.virtual / 3600, 1),
            "real seconds": round(self.real, 1),
            "faults injected": dict(sorted(self.struck.items())),
            "runs ended": dict(sorted(self.results.items())),
            "invariant checks held": dict(sorted(self.held.items())),
        }

    def text(self) -> str:
        lines = [
            f"{self.seeds} seeds, {self.virtual / 3600:.0f} virtual hours in {self.real:.0f} s; "
            f"{len(self.bad)} broke something {self.bad or ''}"
        ]
        lines += [f"  {count:8} x {kind}" for kind, count in sorted(self.struck.items())]
        lines += [f"  {count:8} runs ended: {how}" for how, count in sorted(self.results.items())]
        lines += [f"  {count:8} checks held: {name}" for name, count in sorted(self.held.items())]
        return "\n".join(lines)


# -- the net -------------------------------------------------------------------------------------


def _prove(server_url: str, names: list[str], start: int, within: int) -> int:
    chosen = list(VARIANTS) if names == ["all"] else names
    missed = []
    with database(server_url) as url:
        for name in chosen:
            outcome, seeds = _caught(url, name, start, within)
            if outcome is None:
                missed.append(name)
                print(f"{name:28} not caught in {within} seeds", flush=True)
            else:
                first_line = outcome.problems[0].partition("\n")[0][:70]
                told = f"caught in {seeds:2} seeds, by seed {outcome.seed}: {first_line}"
                print(f"{name:28} {told}", flush=True)
    return 1 if missed else 0


def _caught(url: str, name: str, first: int, within: int) -> tuple[Outcome | None, int]:
    wanted = VARIANTS[name].theme
    numbers = itertools.count(max(first, VARIANTS[name].first))
    seeds = (seed for seed in numbers if wanted in ("", theme(seed).name))
    for number, seed in enumerate(itertools.islice(seeds, within), 1):
        with broken(name):
            outcome = simulate(seed, url, kind=KINDS[VARIANTS[name].kind])
        if any("TypeError" in problem for problem in outcome.problems):
            raise SystemExit(f"{name} does not fit the program any more:\n{outcome.problems[0]}")
        if outcome.problems and outcome.problems[0].startswith((CRASH, OWN_ERROR)):
            raise SystemExit(f"{name} crashes before it breaks its rule:\n{outcome.problems[0]}")
        if outcome.problems:
            return outcome, number
    return None, within


if __name__ == "__main__":
    sys.exit(main())
