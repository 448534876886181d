"""`make prose`: is what the repository says to people in plain words?"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ibgu.sandbox.errors import SandboxError
from tests.prose.docstrings import fragments
from tests.prose.vale import ROOT, findings

CHECKED = ("*.md", "*.py", "ibgu/web/app/*.js", "charts/*.yaml", "charts/*.txt", "Makefile")
"""Files that git keeps; `*` also stands for folders."""


def main(arguments: Sequence[str]) -> int:
    chosen = [Path(each).resolve() for each in arguments] or checked()
    try:
        found = sorted([*findings(chosen), *fragments(chosen)])
    except SandboxError as error:
        print(f"The style can't be checked: {error}", file=sys.stderr)
        return 1
    for each in found:
        where = f"{each.path.relative_to(ROOT)}:{each.line}"
        print(f"{where}: {each.message} ({each.rule})")
    print(f"prose: {len(chosen)} files, {len(found)} findings")
    return 1 if found else 0


def checked() -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", "-z", "--", *CHECKED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in done.stdout.split("\0") if name]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
