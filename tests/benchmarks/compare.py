"""Two commits, measured in turns.

    make compare BASE=HEAD~30 BENCH_ARGS="rollout --clusters 200"
    python -m tests.benchmarks.compare HEAD~30 HEAD --times 3 -- rollout --clusters 200

What measures is `tests` of this tree, for both. What is measured is all that a commit has in `ibgu`
and `migrations`, and with it the commit's own simulated fleet and sandbox hub: where those have
changed between the two, that shows as well. Parts that only start `ibgu` and look at the hub go far
back; those that call its code (memory, makespan, freshness, status, journal) as far as that code
has the same signatures, and say so where it has not.

Machines are noisy: a figure is worse when its median has grown by more than a tenth and every run
of the newer commit is worse than every run of the older one. Ends with 1 where one is.
"""

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from statistics import median

from msgspec import Struct, json

from tests.benchmarks.report import more_is_better

HERE = Path(__file__).parents[2]
PARTS = ("ibgu", "migrations", "charts")
"""The parts that are the commit's. The benchmark is this tree's."""
TOLERANCE = 1.1

Figures = dict[str, float]


class Verdict(Struct, frozen=True):
    name: str
    old: float
    """Median."""
    new: float
    worse: bool

    @property
    def ratio(self) -> float:
        return self.new / self.old if self.old else float("inf" if self.new else 1)


def compare(old: list[Figures], new: list[Figures]) -> list[Verdict]:
    """Compares the figures that both have."""
    names = [name for name in old[0] if name in new[0]]
    return [_verdict(name, [f[name] for f in old], [f[name] for f in new]) for name in names]


def _verdict(name: str, old: list[float], new: list[float]) -> Verdict:
    grown, apart = median(new) > median(old) * TOLERANCE, min(new) > max(old)
    if more_is_better(name):
        grown, apart = median(new) * TOLERANCE < median(old), max(new) < min(old)
    return Verdict(name, median(old), median(new), grown and apart)


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        trees = [
            tree_of(commit, Path(folder) / name)
            for name, commit in (("old", options.old), ("new", options.new))
        ]
        found: list[list[Figures]] = [[], []]
        for turn in range(options.times):
            for tree, figures in zip(trees, found, strict=True):
                print(f"-- {tree.name}, {turn + 1} of {options.times}", flush=True)
                figures.append(_measure(tree, options.bench))
    verdicts = compare(*found)
    print(f"{'':40} {options.old:>12} {options.new:>12}")
    for each in verdicts:
        word = "WORSE" if each.worse else ""
        print(f"{each.name:40} {each.old:12.2f} {each.new:12.2f}  x {each.ratio:.2f}  {word}")
    return 1 if any(each.worse for each in verdicts) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.compare",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("old", help="commit")
    parser.add_argument("new", help="commit")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("bench", nargs="+", help="a part of the benchmark, with its options")
    return parser.parse_args()


def tree_of(commit: str, folder: Path) -> Path:
    packed = subprocess.run(
        ["git", "archive", commit, "--", *PARTS], cwd=HERE, check=True, capture_output=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        # As an argument Python has it since 3.11.4, which is newer than Debian 12's.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)
    (folder / "tests").symlink_to(HERE / "tests")
    return folder


def _measure(tree: Path, bench: list[str]) -> Figures:
    """A bound that is not met is not what is asked here."""
    answer = tree / "figures.json"
    command = [sys.executable, "-m", "tests.benchmarks", "--json", str(answer), *bench]
    subprocess.run(command, cwd=tree, check=False, stdout=subprocess.DEVNULL)
    if not answer.exists():
        sys.exit(f"{' '.join(bench)} can't run with the {tree.name} commit: see above")
    return json.decode(answer.read_bytes(), type=Figures)


if __name__ == "__main__":
    sys.exit(main())
