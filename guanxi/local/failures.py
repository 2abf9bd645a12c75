"""What a person can cause, said in one sentence that also says what to do."""

import os
from pathlib import Path


class LocalFailure(Exception):
    """A start that did not succeed. `exit_status` follows sysexits; the message is one sentence."""

    def __init__(self, sentence: str, exit_status: int = os.EX_OSERR) -> None:
        super().__init__(sentence)
        self.exit_status = exit_status


def last_line(log: Path) -> str:
    """The last non-empty line of a log, or `(empty)`; reads at most the last 8 KiB."""
    if not log.exists():
        return "(empty)"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "(empty)"


def port_taken(program: str, host: str, port: int, setting: str) -> LocalFailure:
    return LocalFailure(
        f"Port {port} on {host} is already taken, so {program} cannot start: "
        f"stop the program that holds it, or set {setting} to a free port."
    )


def folder_in_use(program: str, folder: Path, holder: str) -> LocalFailure:
    return LocalFailure(f"The {program} data in {folder} is in use by {holder}: stop it first, or name another folder.")


def died_at_start(program: str, log: Path) -> LocalFailure:
    return LocalFailure(
        f'{program} ended during its start, saying "{last_line(log)}": read {log}, mend the cause, start again.',
        os.EX_UNAVAILABLE,
    )


def not_ready(program: str, seconds: float, log: Path) -> LocalFailure:
    return LocalFailure(
        f'{program} was not ready within {seconds:.0f} s, its last line is "{last_line(log)}": '
        f"read {log}, mend the cause, start again.",
        os.EX_UNAVAILABLE,
    )


def wrong_setting(sentence: str) -> LocalFailure:
    return LocalFailure(sentence, os.EX_CONFIG)


def cannot_fetch(sentence: str) -> LocalFailure:
    return LocalFailure(sentence, os.EX_UNAVAILABLE)
