"""Evaluates a parsed path on an object."""

import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn, assert_never

from ibgu.sim.jsonpath.syntax import (
    Field,
    Filter,
    Identifier,
    Literal,
    Node,
    Path,
    PathError,
    Recursive,
    Slice,
    Union,
    Wildcard,
    parse,
)

Step = Callable[[list[Any]], list[Any]]
"""What one node, or a whole path, makes of the values so far."""


def find(path: str, value: Any) -> list[Any]:
    """Returns everything that the path selects, in order; empty if a key is missing. Raises
    PathError."""
    return _compiled(path)([value])


@lru_cache(maxsize=1024)
def _compiled(path: str) -> Step:
    """Returns the compiled path, cached: a fleet's agents read the same few paths, many times a
    second."""
    return _chain(parse(path))


def _chain(path: Path) -> Step:
    steps = [_step(node) for node in path]
    if len(steps) == 1:
        return steps[0]

    def follow(values: list[Any]) -> list[Any]:
        for step in steps:
            values = step(values)
        return values

    return follow


def _step(node: Node) -> Step:
    match node:
        case Field(name):
            return lambda values: [v[name] for v in values if isinstance(v, dict) and name in v]
        case Wildcard():
            return lambda values: [child for v in values for child in _children(v)]
        case Recursive():
            return lambda values: [below for v in values for below in _descend(v)]
        case Slice():
            return lambda values: _sliced(node, values)
        case Union(branches):
            chains = [_chain(branch) for branch in branches]
            return lambda values: [found for chain in chains for found in chain(values)]
        case Filter():
            passes = _passing(node)
            return lambda values: [item for v in values for item in _filtered(passes, v)]
        case Literal(value):
            return lambda values: [value] * len(values)
        case Identifier(name):
            return lambda values: _unknown(name)
        case _:
            assert_never(node)


def _unknown(name: str) -> NoReturn:
    raise PathError(f"unrecognized identifier {name}")


def _children(value: Any) -> list[Any]:
    match value:
        case dict():
            return list(value.values())
        case list():
            return value
        case str():
            return list(value.encode())
        case _:
            return []


def _descend(value: Any) -> list[Any]:
    children = _children(value)
    if not children:
        return []
    return [value, *(below for child in children for below in _descend(child))]


def _sliced(node: Slice, values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value is None:
            continue
        if not isinstance(value, list):
            raise PathError(f"{_type_name(value)} is not array or slice")
        start, stop = _bounds(node, len(value))
        if start == stop:
            return found
        _check_bounds(start, stop, len(value))
        if node.step is not None and node.step <= 0:
            raise PathError("step must be > 0")
        found += value[start : stop : node.step or 1]
    return found


def _bounds(node: Slice, length: int) -> tuple[int, int]:
    start = node.start or 0
    stop = start + 1 if node.single else node.stop
    if start < 0:
        start += length
    if stop is None:
        return start, length
    if stop < 0 or (stop == 0 and node.single):
        stop += length
    return start, stop


def _check_bounds(start: int, stop: int, length: int) -> None:
    for index, inside in ((start, 0 <= start < length), (stop - 1, 0 <= stop <= length)):
        if not inside:
            raise PathError(f"array index out of bounds: index {index}, length {length}")
    if start > stop:
        raise PathError(f"starting index {start} is greater than ending index {stop}")


def _filtered(passes: Callable[[Any], bool], value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise PathError(f"{_go_text(value)} is not array or slice and cannot be filtered")
    return [item for item in value if passes(item)]


def _passing(node: Filter) -> Callable[[Any], bool]:
    left, sign = _chain(node.left), node.operator
    if sign == "exists":
        return lambda item: bool(_exists(left, item))
    right = _chain(node.right)

    def passes(item: Any) -> bool:
        lefts, rights = left([item]), right([item])
        if len(lefts) > 1 or (lefts and len(rights) > 1):
            raise PathError("can only compare one element at a time")
        return bool(lefts and rights) and _compare(sign, lefts[0], rights[0])

    match node:
        case Filter((Field(name),), "==", (Literal(str(text)),)):
            return _having(name, text, passes)
        case _:
            return passes


def _having(name: str, text: str, otherwise: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """`@.name=="text"`, which almost every rule has, of conditions: text on both sides."""

    def passes(item: Any) -> bool:
        found = item.get(name) if isinstance(item, dict) else None
        return found == text if isinstance(found, str) else otherwise(item)

    return passes


def _exists(left: Step, item: Any) -> list[Any]:
    try:
        return left([item])
    except PathError:
        return []


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _compare(sign: str, left: Any, right: Any) -> bool:
    if sign not in _OPERATORS:
        raise PathError(f"unrecognized filter operator {sign}")
    for value in (left, right):
        if not isinstance(value, str | int | float):
            raise PathError("invalid type for comparison")
    if type(left) is not type(right):
        raise PathError("incompatible types for comparison")
    if isinstance(left, bool) and sign not in ("==", "!="):
        raise PathError("invalid type for comparison")
    return _OPERATORS[sign](left, right)


def _type_name(value: Any) -> str:
    names = {str: "string", bool: "bool", int: "int64", float: "float64"}
    return names.get(type(value), "map[string]interface {}")


def _go_text(value: Any) -> str:
    """Returns the value as Go's %v prints it: that text reaches the hub in a condition's
    message."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return str(value).lower()
        case dict():
            pairs = " ".join(f"{key}:{_go_text(value[key])}" for key in sorted(value))
            return f"map[{pairs}]"
        case list():
            return f"[{' '.join(map(_go_text, value))}]"
        case _:
            return str(value)
