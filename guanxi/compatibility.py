"""Whether the published language still keeps what an older document of it promised: additions alone are allowed.

Whoever read its records goes on reading them, and what was recorded under the older one can still be read here.
"""

from collections.abc import Iterator

from libs.common.compatibility import Document, Schemas, Use


def broken(old: Document, new: Document) -> list[str]:
    """A line for each promise of an AsyncAPI document that is kept no longer."""
    return [*_channels(old, new), *_messages(old, new)]


def _channels(old: Document, new: Document) -> Iterator[str]:
    for name, channel in old["channels"].items():
        after = new["channels"].get(name)
        if after is None:
            yield f"{name} is gone"
            continue
        yield from (f"{name}: {line}" for line in _channel(channel, after))
        yield from (f"{name}: {type_} is gone" for type_ in channel["messages"] if type_ not in after["messages"])


def _channel(old: Document, new: Document) -> Iterator[str]:
    if old["address"] != new["address"]:
        yield f"its address was {old['address']}, is {new['address']}"
    before, after = (channel["bindings"]["kafka"]["topicConfiguration"] for channel in (old, new))
    if before["cleanup.policy"] != after["cleanup.policy"]:
        yield f"{','.join(before['cleanup.policy'])} before, {','.join(after['cleanup.policy'])} now"
    if before.get("retention.ms", 0) > after.get("retention.ms", 0):
        yield f"kept for {after.get('retention.ms', 0)} ms, where it was {before['retention.ms']}"


def _messages(old: Document, new: Document) -> Iterator[str]:
    schemas = Schemas(old, new)
    after = new["components"]["messages"]
    for type_, message in old["components"]["messages"].items():
        if type_ in after:
            yield from (f"{type_}: {line}" for line in _message(schemas, message, after[type_]))


def _message(schemas: Schemas, old: Document, new: Document) -> Iterator[str]:
    before, after = old["bindings"]["kafka"]["key"], new["bindings"]["kafka"]["key"]
    if before != after:
        yield f"its key was {_told(before)}, is {_told(after)}"
    if old["contentType"] != new["contentType"]:
        yield f"it was {old['contentType']}, is {new['contentType']}"
    yield from schemas.broken("value", old["payload"], new["payload"], Use.RECORDED)
    yield from schemas.broken("headers", old.get("headers", {}), new.get("headers", {}), Use.RECORDED)


def _told(key: Document) -> str:
    return str(key.get("description") or key)
