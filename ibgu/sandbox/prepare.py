"""`python -m ibgu.sandbox.prepare`: see to it that the sandbox hub can start."""

import sys

from ibgu.sandbox.binaries import hub_binaries
from ibgu.sandbox.errors import SandboxError


def main() -> int:
    try:
        binaries = hub_binaries()
    except SandboxError as error:
        print(f"The sandbox hub can't be prepared: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; nothing half made is left.", file=sys.stderr)
        return 130
    print(f"The sandbox hub's binaries are in {binaries.kube_apiserver.parent}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
