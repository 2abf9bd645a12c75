"""The published language as the gateway answers it: `python -m guanxi.events_page write` (or `check`).

One page of HTML, made from the AsyncAPI document, without a script and with nothing from outside; and that document.
"""

import json
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from guanxi.asyncapi import document

SERVED = Path(__file__).resolve().parents[1] / "gateway" / "events"
Json = dict[str, Any]

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem 2rem; color: #222 }
code { background: #f4f4f4; padding: 0 .25em } nav li { list-style: none } nav ul { padding: 0; columns: 2 }
section { border-top: 2px solid #ccc; margin-top: 2rem } table { border-collapse: collapse; width: 100% }
td, th { border-bottom: 1px solid #e4e4e4; padding: .2rem .5rem; text-align: left; vertical-align: top }
details { margin: .5rem 0 } summary { cursor: pointer } h3 { margin-bottom: 0 } .optional { color: #777 }
"""
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Guanxi events</title><style>{style}</style></head>
<body><h1>Guanxi events</h1>
<p>{about} Records are CloudEvents 1.0 in the binary mode of the Kafka binding: attributes in headers, data in the
value. For programs: <a href="/asyncapi.json">AsyncAPI {version}</a>. The REST API: <a href="/docs">here</a>.</p>
<nav><ul>{topics}</ul></nav>
{channels}
</body></html>
"""


def served() -> dict[str, str]:
    """Every file by its name below `gateway/events`."""
    told = document()
    return {"events.html": page(told), "asyncapi.json": json.dumps(told, ensure_ascii=False) + "\n"}


def stale(folder: Path) -> list[str]:
    """The files that are missing, or differ from what the contracts say now."""
    wanted = served().items()
    return [name for name, text in wanted if not (folder / name).exists() or (folder / name).read_text() != text]


def page(whole: Json) -> str:
    """Every topic, what each record of it means, and its fields."""
    channels: Json = whole["channels"]
    return PAGE.format(
        style=STYLE,
        about=escape(whole["info"]["description"]),
        version=escape(whole["asyncapi"]),
        topics="".join(f'<li><a href="#{escape(name)}">{escape(name)}</a></li>' for name in channels),
        channels="\n".join(_channel(whole, name, channel) for name, channel in channels.items()),
    )


def _channel(whole: Json, name: str, channel: Json) -> str:
    messages = [_resolved(whole, told) for told in channel["messages"].values()]
    said = f"{'Guanxi sends' if f'send.{name}' in whole['operations'] else 'Guanxi listens'}. {channel['description']}"
    told = "\n".join(_message(whole, message) for message in messages)
    return f'<section id="{escape(name)}"><h2>{escape(name)}</h2><p>{escape(said)}</p>\n{told}</section>'


def _message(whole: Json, message: Json) -> str:
    key = message["bindings"]["kafka"]["key"]
    parts = [
        f"<h3>{escape(message['name'])}</h3>",
        *(f"<p>{escape(part)}</p>" for part in message["description"].split("\n\n")),
        f"<p>Key: {escape(key.get('description') or str(key.get('const')))}</p>",
        _fields(whole, "Value", message["payload"]),
    ]
    if "headers" in message:
        parts.append(_fields(whole, "Headers", message["headers"]))
    return "\n".join(parts)


def _fields(whole: Json, title: str, schema: Json) -> str:
    rows = "\n".join(_rows(whole, schema, ""))
    if not rows:
        return f"<p>{title}: {escape(_type(whole, schema))}</p>"
    return f"<details><summary>{title}</summary><table><tr><th>field<th>type<th>meaning</tr>\n{rows}</table></details>"


def _rows(whole: Json, schema: Json, before: str) -> Iterator[str]:
    """A row for each field; what lies inside of another is named by its way there."""
    shape = _resolved(whole, schema)
    for name, field in shape.get("properties", {}).items():
        way = f"{before}{name}"
        optional = "" if name in shape.get("required", ()) else ' <span class="optional">optional</span>'
        meaning = escape(field.get("description", ""))
        yield f"<tr><td><code>{escape(way)}</code>{optional}<td>{escape(_type(whole, field))}<td>{meaning}</tr>"
        for inner, mark in _inside(whole, field):
            yield from _rows(whole, inner, f"{way}{mark}.")


def _inside(whole: Json, field: Json) -> Iterator[tuple[Json, str]]:
    """What a field holds that has fields of its own, and how one gets there."""
    for choice in field.get("anyOf", [field]):
        shape = _resolved(whole, choice)
        if shape.get("type") == "array":
            yield shape["items"], "[]"
        elif "properties" in shape:
            yield shape, ""


def _type(whole: Json, field: Json) -> str:
    if "anyOf" in field:
        return " or ".join(_type(whole, choice) for choice in field["anyOf"])
    shape = _resolved(whole, field)
    if "enum" in shape:
        return "one of " + ", ".join(map(str, shape["enum"]))
    if "const" in shape:
        return json.dumps(shape["const"])
    if shape.get("type") == "array":
        return f"list of {_type(whole, shape['items'])}"
    told = shape.get("format") or shape.get("pattern")
    return f"{shape.get('type', 'anything')}{f' ({told})' if told else ''}"


def _resolved(whole: Json, schema: Json) -> Json:
    """What a reference leads to, by its way through the document."""
    found: Any = whole
    if "$ref" not in schema:
        return schema
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


if __name__ == "__main__":
    if sys.argv[1:] == ["write"]:
        SERVED.mkdir(exist_ok=True)
        for name, text in served().items():
            (SERVED / name).write_text(text)
    elif outdated := stale(SERVED):
        sys.exit(f"`make docs` writes these anew: {', '.join(outdated)}")
