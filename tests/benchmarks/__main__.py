"""`make bench`: each part prints its figures beside their bounds.

make bench                                            all parts, one after the other
make bench BENCH_ARGS="rollout --clusters 200"        one part, with options of its own
make bench BENCH_ARGS="--json FILE rollout"           the figures also into a file
"""

import argparse
import signal
import sys
from pathlib import Path

from msgspec import json

from tests.benchmarks.parts import PARTS
from tests.benchmarks.report import JUDGED
from tests.in_memory import keep_in_memory


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="file for the figures")
    commands = parser.add_subparsers(dest="part", metavar="part")
    for name, part in PARTS.items():
        part.arguments(
            commands.add_parser(name, help=part.description, description=part.description)
        )
    options = parser.parse_args(arguments)
    every = [options] if options.part else [parser.parse_args([name]) for name in PARTS]
    keep_in_memory()
    results = [_run(each) for each in every]
    if options.json is not None:
        options.json.write_bytes(json.encode(JUDGED))
    return 0 if all(results) else 1


def _run(options: argparse.Namespace) -> bool:
    return PARTS[options.part].run(options)


if __name__ == "__main__":
    # As by Ctrl-C: the processes that it has started end with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
