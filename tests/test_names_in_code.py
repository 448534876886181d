"""Names in the code: a public class is defined in one module only, and bounds have plain names."""

import ast
import builtins
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
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


_SENTENCE = re.compile(
    r"\bRaises ((?:(?:an? |the )?[A-Z]\w+(?: \([^)]*\))?(?:, and |, or |, | or | and )?)+)"
)
"""What a docstring says that a function raises."""


def test_every_error_that_a_docstring_names_exists() -> None:
    modules = {path: ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}
    exceptions = _exceptions(modules.values())
    found = [
        f"{path.relative_to(PACKAGE)}: {name}"
        for path, module in modules.items()
        for text in _docstrings(module)
        for raised in _SENTENCE.findall(text)
        for name in re.findall(r"[A-Z]\w+", re.sub(r"\([^)]*\)", "", raised))
        if name not in exceptions
    ]
    assert found == []


def _docstrings(module: ast.Module) -> Iterator[str]:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(module):
        if isinstance(node, documented):
            yield " ".join((ast.get_docstring(node) or "").split())


def _exceptions(modules: Iterable[ast.Module]) -> set[str]:
    """Returns the names of all exceptions: Python's, those of libraries, and the package's own."""
    own = {
        node.name: {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        for module in modules
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef)
    }
    found = {name for name, each in vars(builtins).items() if _is_exception(each)}
    found |= {"BadParameter", "DBAPIError", "HTTPException", "ValidationError"}
    while more := {name for name, bases in own.items() if bases & found} - found:
        found |= more
    return found


def _is_exception(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, BaseException)
