"""`python -m tests.docs.structure`: what docs/architecture.md says in numbers of `ibgu`."""

import ast
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).parents[2] / "ibgu"


def length(path: Path) -> int:
    return len(path.read_text().splitlines())


def files() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def module_lengths() -> list[int]:
    """Returns the lines of each module but `__init__.py`, which holds a package's exports."""
    return [length(path) for path in files() if path.name != "__init__.py"]


def function_lengths() -> list[int]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for path in files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, kinds)
    ]


def p90(lengths: list[int]) -> int:
    return round(quantiles(lengths, n=10)[-1])


def imports_of_core() -> set[tuple[str, str]]:
    """Returns which package of `ibgu.core` imports from which other one."""
    core = ROOT / "core"
    found = set()
    for path in core.rglob("*.py"):
        package = path.relative_to(core).parts[0]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ibgu.core."):
                found.add((package, (node.module or "").split(".")[2]))
    return {(own, other) for own, other in found if own != other}


def functions() -> list[int]:
    lengths = function_lengths()
    return [len(lengths), int(median(lengths)), p90(lengths), max(lengths)]


def modules() -> list[int]:
    lengths = module_lengths()
    return [len(lengths), int(median(lengths)), p90(lengths)]


FIGURES: dict[str, Callable[[], list[int]]] = {
    "lines": lambda: [sum(length(path) for path in files())],
    "functions": functions,
    "imports between": lambda: [len(imports_of_core())],
    "modules": modules,
}
"""What counts the figures of the table's rows, by their heads."""


if __name__ == "__main__":
    for head, count in FIGURES.items():
        print(head, *count())
