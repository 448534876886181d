"""Renders a report as one HTML file that needs neither network nor script."""

import re
from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from ibgu.cli.report import charts, comparison, tables, words
from ibgu.cli.report.facts import RolloutReport
from ibgu.core.text.harmless import harmless

_LINE_ENDS = re.compile(r"[\t\r\n]+")


def page(report: RolloutReport) -> str:
    """Returns the file; characters beyond ASCII are references, so it reads the same whatever
    encoding it is written in."""
    html = _template().render(found=report.found, against=report.against)
    return html.encode("ascii", "xmlcharrefreplace").decode()


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True,
        finalize=_in_one_line,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "clusters": words.clusters,
        "counted": words.counted,
        "failure_name": comparison.failure_name,
        "moment": words.moment,
        "number": "{:,}".format,
        "span": words.span,
    }
    environment.globals |= {"charts": charts, "comparison": comparison, "tables": tables}
    return environment.from_string((files("ibgu.cli.report") / "page.html").read_text("utf-8"))


def _in_one_line(value: object) -> object:
    """Returns what is not markup as text in one line, without characters that act and show
    nothing."""
    return value if isinstance(value, Markup) else harmless(_LINE_ENDS.sub(" ", str(value)))
