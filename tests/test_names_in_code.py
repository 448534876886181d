"""Names in the code: a public class is defined in one module only, and bounds have plain names."""

import ast
import re
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "ibgu"


def test_no_two_modules_define_the_same_public_class() -> None:
    defined = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                defined[node.name].append(str(path.relative_to(PACKAGE)))
    assert {name: paths for name, paths in defined.items() if len(paths) > 1} == {}


def test_bounds_are_called_min_and_max() -> None:
    superlatives = {"MOST", "LONGEST", "SHORTEST", "FEWEST", "DEEPEST", "LARGEST", "WIDEST"}
    found = [
        f"{path.relative_to(PACKAGE)}: {node.id}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Store)
        and superlatives & set(node.id.split("_"))
    ]
    assert found == []


PRIVATE = frozenset(
    {"told", "tell", "anew", "fate", "news", "whoever", "owe", "debt", "poke", "hush"}
)
"""Words of earlier versions, for which the field has terms."""


def test_functions_and_classes_have_no_private_words() -> None:
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [
        f"{path.relative_to(PACKAGE)}: {node.name}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, kinds)
        and PRIVATE & {word.lower() for word in re.findall(r"[A-Z]?[a-z]+", node.name)}
    ]
    assert found == []
