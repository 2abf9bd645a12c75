"""What a person can cause, said in one sentence that also says what to do."""

import os
from pathlib import Path


class LocalFailure(Exception):
    """A start that did not succeed. `exit_status` follows sysexits; the message is one sentence."""

    def __init__(self, sentence: str, exit_status: int = os.EX_OSERR) -> None:
        super().__init__(sentence)
        self.exit_status = exit_status


def last_line(log: Path) -> str:
    """The last line of a log that says something, or `(empty)`; reads at most the last 64 KiB.

    Indented lines are the frames of a stack trace and the like, so the line that they belong to counts.
    """
    if not log.exists():
        return "(empty)"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 65536))
        lines = file.read().decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line[:1].strip()), "(empty)")


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
