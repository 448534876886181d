"""Evaluating a parsed path on an object."""

import operator
from collections.abc import Callable
from typing import Any, assert_never

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


def find(path: str, value: Any) -> list[Any]:
    """Everything that the path selects, in order; empty where a key is missing.

    Raises PathError.
    """
    return _follow(parse(path), [value])


def _follow(path: Path, values: list[Any]) -> list[Any]:
    for node in path:
        values = _step(node, values)
    return values


def _step(node: Node, values: list[Any]) -> list[Any]:
    match node:
        case Field(name):
            return [v[name] for v in values if isinstance(v, dict) and name in v]
        case Wildcard():
            return [child for v in values for child in _children(v)]
        case Recursive():
            return [below for v in values for below in _descend(v)]
        case Slice():
            return _sliced(node, values)
        case Union(branches):
            return [found for branch in branches for found in _follow(branch, values)]
        case Filter():
            return [item for v in values for item in _filtered(node, v)]
        case Literal(value):
            return [value] * len(values)
        case Identifier(name):
            raise PathError(f"unrecognized identifier {name}")
        case _:
            assert_never(node)


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


def _filtered(node: Filter, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise PathError(f"{_go_text(value)} is not array or slice and cannot be filtered")
    return [item for item in value if _passes(node, item)]


def _passes(node: Filter, item: Any) -> bool:
    if node.operator == "exists":
        return bool(_exists(node.left, item))
    lefts, rights = _follow(node.left, [item]), _follow(node.right, [item])
    if len(lefts) > 1 or (lefts and len(rights) > 1):
        raise PathError("can only compare one element at a time")
    return bool(lefts and rights) and _compare(node.operator, lefts[0], rights[0])


def _exists(path: Path, item: Any) -> list[Any]:
    try:
        return _follow(path, [item])
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
    """As Go's %v prints it: that text reaches the hub in a condition's message."""
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
