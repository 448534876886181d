"""`make release`: the files of a release, in dist/."""

import argparse
import sys
from pathlib import Path

from ibgu.sandbox.errors import SandboxError
from tests.release.build import release
from tests.release.errors import ReleaseError
from tests.release.source import changed

ROOT = Path(__file__).parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument(
        "--unreleased",
        action="store_true",
        help="for a look at it: the notes are what the changelog has under Unreleased",
    )
    given = parser.parse_args()
    try:
        files = release(ROOT, ROOT / "dist", unreleased=given.unreleased)
        left_out = changed(ROOT)
    except (ReleaseError, SandboxError) as error:
        print(f"No release was made: {error}", file=sys.stderr)
        return 1
    for path in files:
        print(f"{path.stat().st_size:>10,}  {path.relative_to(ROOT)}")
    if left_out:
        print(f"Not in it, because not committed: {len(left_out)} files", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
