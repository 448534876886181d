"""`python -m tests.tools`: see to it that the tests of chart, alerts and Compose can run."""

import sys

from ibgu.sandbox.errors import SandboxError
from tests.tools.binaries import tools


def main() -> int:
    try:
        found = tools()
    except SandboxError as error:
        print(f"The tests' tools can't be prepared: {error}", file=sys.stderr)
        return 1
    print(f"The tests' tools are in {found.helm.parent}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
