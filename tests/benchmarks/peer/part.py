"""The same rollouts by the real TALM and by ibgu, one after the other, as a table."""

import os
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tests.benchmarks.peer.controllers import CONTROLLERS
from tests.benchmarks.peer.figures import table
from tests.benchmarks.peer.measure import measure
from tests.benchmarks.peer.measured import Measured
from tests.benchmarks.peer.rows import ROWS

PART = "compare"
_ON_A_DISK = "/var/tmp"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--rows", default=",".join(ROWS), help=f"of {', '.join(ROWS)}")
    parser.add_argument("--by", default=",".join(CONTROLLERS), help="who carries them out")
    parser.add_argument("--times", type=int, default=3, help="how often; the table has medians")
    parser.add_argument(
        "--into", type=Path, help="JSON file of the figures of all runs; those in it count, too"
    )


def run(options: Namespace) -> bool:
    """There is no bound: the table is what it is for."""
    # What is written for good has to wait for a disk, as on a hub.
    os.environ["TMPDIR"], tempfile.tempdir = _ON_A_DISK, None
    measured = Measured(options.into)
    for time in range(options.times):
        for row in (ROWS[name] for name in options.rows.split(",")):
            for who in (who for who in options.by.split(",") if who in row.by):
                print(f"-- {row.description}, by {who}, {time + 1} of {options.times}", flush=True)
                found = measure(row, who)
                measured.add(row.description, who, found)
                print(f"   {found}", flush=True)
    runs, each = measured.runs, [(row.description, who) for row in ROWS.values() for who in row.by]
    print("\n".join(("", *table({key: runs[key] for key in each if key in runs}))))
    return True
