"""`python -m tests.tools`: build what the tests of chart, alerts and Compose need, and Vale."""

import sys

from ibgu.sandbox.errors import SandboxError
from tests.prose.vale import vale
from tests.tools.binaries import tools


def main() -> int:
    try:
        found, checker = tools(), vale()
    except SandboxError as error:
        print(f"The tests' tools can't be prepared: {error}", file=sys.stderr)
        return 1
    print(f"The tests' tools are in {found.helm.parent} and {checker.parent}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
