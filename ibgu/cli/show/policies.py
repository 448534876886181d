"""Prints what is wrong with RolloutPolicies in files."""

from collections.abc import Iterator, Sequence

from ibgu.cli.show.output_style import OutputStyle
from ibgu.core.text.counted import counted
from ibgu.core.text.harmless import one_line
from ibgu.core.views.policies import PolicyFinding


def lines_of(findings: Sequence[PolicyFinding], policies: int, style: OutputStyle) -> Iterator[str]:
    """Yields a line as compilers print it for each finding, so that editors jump there."""
    level = style.paint("error", "red")
    for found in findings:
        name = f"RolloutPolicy {one_line(found.policy)}: " if found.policy else ""
        place = f"{one_line(found.file)}:{found.line}"
        yield f"{place}: {level}: {name}{one_line(found.message)}"
    many = counted(len(findings), "error") if findings else "no findings"
    yield f"{many} in {counted(policies, 'policy', 'policies')}"


def body_of(findings: Sequence[PolicyFinding]) -> dict[str, object]:
    """Returns the findings as programs read them."""
    return {
        "findings": [
            {
                "policy": one_line(found.policy),
                "file": one_line(found.file),
                "line": found.line,
                "message": one_line(found.message),
            }
            for found in findings
        ]
    }
