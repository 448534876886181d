"""A hub template once it is parsed."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

from msgspec import Struct

MAX_VALUE = 4096
"""Characters of a value, and of each part of one."""


class TemplateError(ValueError):
    """A template that is not supported, or that has no value for a cluster; the message begins with
    its place in the text."""

    def __init__(self, problem: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {problem}")
        self.problem = problem
        self.line = line
        self.column = column


class FixedText(Struct, frozen=True):
    text: str


class ClusterName(Struct, frozen=True):
    """ClusterName is `.ManagedClusterName`."""


class Label(Struct, frozen=True):
    """Label is a label of the ManagedCluster."""

    key: "Expression"


class ConfigMapKey(Struct, frozen=True):
    """ConfigMapKey is a key of a ConfigMap, `fromConfigMap`."""

    namespace: "Expression"
    name: "Expression"
    key: "Expression"

    @property
    def parts(self) -> tuple["Expression", "Expression", "Expression"]:
        return self.namespace, self.name, self.key


class Joined(Struct, frozen=True):
    """Joined is what `printf` makes of its format and its arguments."""

    parts: tuple["Expression", ...]


Expression = FixedText | ClusterName | Label | ConfigMapKey | Joined


class Ending(Enum):
    """Ending is what the last function of a template says of its value."""

    PLAIN = ""
    QUOTE = "quote"
    INT = "toInt"
    BOOL = "toBool"
    LITERAL = "toLiteral"


class Template(Struct, frozen=True):
    start: int
    """The first character that the value replaces."""
    end: int
    expression: Expression
    ending: Ending
    line: int
    """Counted from 1, as the column."""
    column: int
    attached: bool
    """Whether other text than an indicator of YAML stands before it: a minus can't follow."""

    def error(self, problem: str) -> TemplateError:
        return TemplateError(problem, self.line, self.column)


class ParsedText(Struct, frozen=True):
    text: str
    templates: tuple[Template, ...]

    @property
    def lookups(self) -> Iterator[tuple[Template, ConfigMapKey]]:
        """Yields each read of a ConfigMap with the template that it is in."""
        for template in self.templates:
            for each in parts_of(template.expression):
                if isinstance(each, ConfigMapKey):
                    yield template, each


class ClusterValues(Struct, frozen=True):
    """ClusterValues is all that templates may read for a cluster."""

    name: str
    labels: Mapping[str, str]
    """Those of the ManagedCluster."""
    namespace: str = ""
    """The only namespace whose ConfigMaps may be read."""
    config_maps: Mapping[str, Mapping[str, str]] = {}
    """The data of each ConfigMap that may be read, by name."""


def parts_of(expression: Expression) -> Iterator[Expression]:
    """Yields the expression and all that it consists of."""
    yield expression
    below: Sequence[Expression] = ()
    if isinstance(expression, Label):
        below = (expression.key,)
    elif isinstance(expression, ConfigMapKey | Joined):
        below = expression.parts
    for each in below:
        yield from parts_of(each)
