"""The same rollouts by the real TALM and by ibgu, one after the other, as a table."""

import os
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

from msgspec import json

from tests.benchmarks.peer.controllers import CONTROLLERS
from tests.benchmarks.peer.figures import Figures, table
from tests.benchmarks.peer.measure import measure
from tests.benchmarks.peer.rows import ROWS

PART = "compare"
_ON_A_DISK = "/var/tmp"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--rows", default=",".join(ROWS), help=f"of {', '.join(ROWS)}")
    parser.add_argument("--by", default=",".join(CONTROLLERS), help="who carries them out")
    parser.add_argument("--times", type=int, default=3, help="how often; the table has medians")
    parser.add_argument("--into", type=Path, help="file for the figures of every run, as JSON")


def run(options: Namespace) -> bool:
    """There is no bound: the table is what it is for."""
    # What is written for good has to wait for a disk, as on a hub.
    os.environ["TMPDIR"], tempfile.tempdir = _ON_A_DISK, None
    measured: dict[tuple[str, str], list[Figures]] = {}
    for time in range(options.times):
        for row in (ROWS[name] for name in options.rows.split(",")):
            for who in options.by.split(","):
                print(f"-- {row.description}, by {who}, {time + 1} of {options.times}", flush=True)
                found = measure(row, who)
                measured.setdefault((row.description, who), []).append(found)
                print(f"   {found}", flush=True)
    print("\n".join(("", *table(measured))))
    if options.into is not None:
        told = {f"{words}, by {who}": runs for (words, who), runs in measured.items()}
        options.into.write_bytes(json.format(json.encode(told)))
    return True
