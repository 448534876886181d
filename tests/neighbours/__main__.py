"""Says which of the real neighbours the tests find, and how to have the others."""

import sys

from tests.neighbours.programs import REQUIRE, UPSTREAM, find, how_to_have_them, required

found = {variable: path for variable in UPSTREAM if (path := find(variable)) is not None}
for variable, path in found.items():
    print(f"{variable}: {path}")
if len(found) < len(UPSTREAM):
    print(how_to_have_them())
    if required():
        sys.exit(f"{REQUIRE} is set: nothing is skipped")
    print("Tests that lack one of them are skipped.")
