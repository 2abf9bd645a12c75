"""How an integrator reads what happens at the bank: `python examples/consumer.py TOPIC …`, one line of JSON an event.

TOPIC is one of events, such as crm.customer.events.v1.

Records are CloudEvents 1.0 in Kafka's binary mode: attributes in headers, the data in the value; docs/events has the
schema of each type. Four things that every reader of them does:

- A record may come twice, with the same id. What was done for it once is not done again: a program that acts on events
  keeps their ids in its own database, in the same transaction as what it does.
- Of one key they come in order, and `sequence` grows. Of several keys there is no order.
- A higher `ce_epoch` in a partition says that the bank's Kafka had lost records and that all were sent again: read the
  partition from its start, and leave out what comes with a lower one. The ids tell what was done already.
- Types that are not known are passed over, fields that are not known are no error: both are added as the bank grows.
  What is not as its schema says is told and passed over too: one record must not hold up those behind it.
"""

import argparse
import json
import sys
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition
from jsonschema import Draft202012Validator, ValidationError

SCHEMAS = Path(__file__).resolve().parents[1] / "docs" / "events" / "schemas"
STATES = ("crm.section.", "crm.reference.", "crm.watermark.")
"""Types that say how something is, and not what happened: how to read those is another matter."""
MOST_REMEMBERED = 100_000


class Reader:
    """Turns records into events that are seen for the first time and are what their schema says."""

    def __init__(self, schemas: Path) -> None:
        self._validators = {
            path.stem: Draft202012Validator(json.loads(path.read_text()))
            for path in schemas.glob("*.json")
            if not path.stem.startswith(STATES)
        }
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._epochs: dict[tuple[str, int], int] = {}

    def begins_again(self, record: Message) -> bool:
        """True where its topic was sent again since the record before it: what the log begins with may be unread."""
        place, epoch = (record.topic(), record.partition()), _epoch(record)
        known = self._epochs.setdefault(place, epoch)
        self._epochs[place] = max(known, epoch)
        return epoch > known

    def event(self, record: Message) -> dict[str, Any] | None:
        """The event, or None where it was seen before or its type is not known.

        Raises:
            jsonschema.ValidationError: it is not what its schema says.
            ValueError, KeyError, TypeError, AttributeError: it is no JSON, or lacks its key or an attribute.
        """
        headers = {name: (value or b"").decode() for name, value in record.headers() or ()}
        validator = self._validators.get(headers.get("ce_type", ""))
        old = _epoch(record) < self._epochs.get((record.topic(), record.partition()), 0)
        if validator is None or old or headers["ce_id"] in self._seen:
            return None
        data = json.loads(record.value())
        validator.validate(data)
        event = {
            "id": headers["ce_id"],
            "type": headers["ce_type"],
            "source": headers["ce_source"],
            "subject": headers["ce_subject"],
            "sequence": int(headers["ce_sequence"]),
            "time": headers["ce_time"],
            "key": record.key().decode(),
            "data": data,
        }
        self._remember(event["id"])
        return event

    def _remember(self, event_id: str) -> None:
        self._seen[event_id] = None
        if len(self._seen) > MOST_REMEMBERED:
            self._seen.popitem(last=False)


def _epoch(record: Message) -> int:
    """0 where nothing was ever sent again, or it says something else than an epoch."""
    told = dict(record.headers() or ()).get("ce_epoch") or b""
    return int(told) if told.isdigit() else 0


def records(consumer: Consumer, quiet: float | None) -> Iterator[Message]:
    """Records as they come; with `quiet` only until none came for so many seconds since partitions were given to us."""
    last = time.monotonic()
    while quiet is None or time.monotonic() - last < quiet:
        record = consumer.poll(0.5)
        if record is None:
            last = last if consumer.assignment() else time.monotonic()
        elif error := record.error():
            if error.fatal():
                raise KafkaException(error)
            tell(str(error))  # the client tries again by itself
        else:
            last = time.monotonic()
            yield record


def tell(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


def settings(asked: argparse.Namespace) -> dict[str, Any]:
    """A group that reads a topic for the first time begins with what the topic still holds."""
    told = {
        "bootstrap.servers": asked.kafka,
        "group.id": asked.group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
    if asked.user:
        password = Path(asked.password_file).read_text().strip()
        told |= {"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512"}
        told |= {"sasl.username": asked.user, "sasl.password": password}
    if asked.authorities:
        told["ssl.ca.location"] = asked.authorities
    return told


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Print the events of topics, checked against their schemas.")
    parser.add_argument("topics", nargs="+", help="topics of events, such as crm.customer.events.v1")
    parser.add_argument("--kafka", default="127.0.0.1:19092", help="a broker, as host:port")
    parser.add_argument("--group", default="example", help="a group goes on where it ended")
    parser.add_argument("--schemas", type=Path, default=SCHEMAS, help="the folder docs/events/schemas")
    parser.add_argument("--quiet", type=float, help="end once nothing came for so many seconds")
    parser.add_argument("--user", help="a partner's name at Kafka, with --password-file and --authorities")
    parser.add_argument("--password-file", help="a file that holds its password")
    parser.add_argument("--authorities", help="a PEM file: whom to trust")
    return parser.parse_args()


def show(reader: Reader, record: Message) -> None:
    place = f"{record.topic()} {record.partition()} {record.offset()}"
    try:
        event = reader.event(record)
    except ValidationError as error:
        tell(f"{place}: not as its schema says, at {error.json_path}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        tell(f"{place}: no event ({type(error).__name__})")
    else:
        if event is not None:
            sys.stdout.write(json.dumps(event, ensure_ascii=False) + "\n")
            sys.stdout.flush()


def main() -> None:
    asked = arguments()
    reader, consumer = Reader(asked.schemas), Consumer(settings(asked))
    consumer.subscribe(asked.topics)
    try:
        # Ctrl-C, or whoever reads what is written here having enough.
        with suppress(KeyboardInterrupt, BrokenPipeError):
            for record in records(consumer, asked.quiet):
                if reader.begins_again(record):
                    tell(f"{record.topic()} {record.partition()} was sent again: read from its start")
                    consumer.seek(TopicPartition(record.topic(), record.partition(), OFFSET_BEGINNING))
                    continue
                show(reader, record)
                # After what is done for it, not before: what is lost in between comes again, as does what is not
                # committed because the group was shared out anew. One by one it is slow; each second, it is not.
                with suppress(KafkaException):
                    consumer.commit(message=record, asynchronous=False)
    finally:
        consumer.close()


if __name__ == "__main__":
    main()
