"""Where the time goes: seconds of each test file, the longest first, told at the end of a long run."""

from collections import defaultdict

import pytest

TOLD_FROM = 60.0
"""Seconds that a run has to take altogether."""

_spent: defaultdict[str, float] = defaultdict(float)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _spent[report.nodeid.partition("::")[0]] += report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if sum(_spent.values()) < TOLD_FROM:
        return
    terminalreporter.section("seconds of each file")
    for file, seconds in sorted(_spent.items(), key=lambda spent: -spent[1]):
        terminalreporter.write_line(f"{seconds:7.1f}  {file}")
