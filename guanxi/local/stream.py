"""What our programs say, on one console: a coloured name, then the line."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

_LEVELS = {"debug": "dim", "warning": "yellow", "error": "red", "critical": "bold red"}
# Told by the line's colour, by its prefix, or by its time.
_SHOWN_ELSEWHERE = {"event", "level", "service", "timestamp"}


class ProgramStream:
    """One program's lines: to the console for people, and as they are to the end of `log`."""

    def __init__(self, name: str, colour: str, width: int, console: Console, log: Path) -> None:
        self._prefix = Text(f"{name:<{width}} │ ", style=colour)
        self._console = console
        self.log = log

    def line(self, raw: bytes) -> None:
        with self.log.open("ab") as file:
            file.write(raw + b"\n")
        self._show(readable(raw.decode(errors="replace")))

    def notice(self, sentence: str) -> None:
        """Something about the program that the supervisor saw."""
        self._show(Text(sentence, style="bold yellow"))

    def _show(self, text: Text) -> None:
        self._console.print(self._prefix + text, soft_wrap=True, highlight=False)


def readable(line: str) -> Text:
    """A JSON log line as time, event and the remaining fields; any other line as it is."""
    record = _record(line)
    if record is None:
        return Text(line)
    text = Text(_time(record), style="dim")
    text.append(str(record["event"]), style=_LEVELS.get(str(record.get("level")), "default"))
    for key, value in record.items():
        if key not in _SHOWN_ELSEWHERE:
            text.append(f" {key}={_compact(value)}", style="dim")
    return text


def _record(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "event" in record else None


def _time(record: dict[str, Any]) -> str:
    """`12:34:56 ` of an ISO time stamp."""
    _, _, time = str(record.get("timestamp", "")).partition("T")
    return f"{time[:8]} " if time else ""


def _compact(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
