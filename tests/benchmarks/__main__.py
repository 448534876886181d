"""`make bench`: each part prints its figures beside their bounds.

make bench                                            all parts, one after the other
make bench BENCH_ARGS="rollout --clusters 200"        one part, with options of its own
"""

import argparse
import sys

from tests.benchmarks.parts import PARTS


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="part", metavar="part")
    for name, part in PARTS.items():
        part.arguments(commands.add_parser(name, help=part.about, description=part.about))
    asked = [arguments] if arguments else [[name] for name in PARTS]
    results = [_run(parser.parse_args(each)) for each in asked]
    return 0 if all(results) else 1


def _run(options: argparse.Namespace) -> bool:
    return PARTS[options.part].run(options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
