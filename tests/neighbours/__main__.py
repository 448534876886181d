"""Says which of the real neighbours the tests find, and how to have the others."""

from tests.neighbours.programs import UPSTREAM, find

for variable, source in UPSTREAM.items():
    if (found := find(variable)) is not None:
        print(f"{variable}: {found}")
    else:
        print(f"{variable} names nothing, so its tests are skipped; to have it: {source}")
