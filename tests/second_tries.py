"""Reports what a test failed with before its second try, whether it passed then or not.

On real servers and two busy cores a test may lose a race of its own making. It gets one more try
(`make test`), which nobody should have to take on trust: the run's end names it.
"""

import pytest

_failed: dict[str, str] = {}
"""What tests that were tried again failed with, by node id."""


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if str(report.outcome) == "rerun":
        _failed[report.nodeid] = report.longreprtext


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    failed_again = {report.nodeid for report in terminalreporter.getreports("failed")}
    for name, text in _failed.items():
        if name in failed_again:
            terminalreporter.section(f"the first try of {name}", red=True)
        else:
            terminalreporter.section(f"passed at the second try: {name}", yellow=True)
        terminalreporter.line(text)
