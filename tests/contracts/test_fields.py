"""Every column that says something about a customer is in the field catalogue, and is kept as the catalogue says."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from libs.common import masks, outlines
from libs.common.tables import chassis_tables, new_metadata
from libs.contracts.catalogue import EVENTS
from libs.contracts.fields import FIELDS, Field, Handling, Sensitivity
from libs.directory.permissions import PERMISSIONS
from services.complaints.storage import tables as complaints
from services.customer.storage import tables as customer
from services.manager.storage import tables as manager

METADATA = {"customer": customer.metadata, "manager": manager.metadata, "complaints": complaints.metadata}
ABOUT_THE_BANK = {"org_units", "staff", "deadline_policies", "deadline_warnings"}
"""Tables that hold nothing about a customer."""
IDS = ("id", "version", "sequence")
PARTS = ("_last_index", "_sealed", "_index", "_masked")


def _chassis() -> set[str]:
    metadata = new_metadata()
    chassis_tables(metadata)
    return {table.name for table in metadata.sorted_tables}


def kept(service: str) -> Iterator[str]:
    """`table.column` of what is about customers; the three parts of an identifier are one."""
    for table in METADATA[service].sorted_tables:
        if table.name in _chassis() | ABOUT_THE_BANK:
            continue
        for column in table.c:
            name = column.name
            if name in IDS or (name.endswith("_id") and column.foreign_keys) or name in ("customer_id", "staff_id"):
                continue
            for part in PARTS:
                name = name.removesuffix(part)
            yield f"{table.name}.{name}"


@pytest.mark.parametrize("service", METADATA)
def test_every_column_about_a_customer_is_in_the_catalogue(service: str) -> None:
    told = [field.column for field in FIELDS if field.service == service]
    assert len(told) == len(set(told))
    assert set(kept(service)) - {"reveals.thing_id"} == set(told)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.column)
def test_it_is_kept_as_the_catalogue_says(field: Field) -> None:
    table, _, column = field.column.partition(".")
    columns = set(METADATA[field.service].tables[table].c.keys())
    if field.handling is Handling.IDENTIFIER:
        assert {f"{column}{part}" for part in PARTS} <= columns
        assert column not in columns, "an identifier never stands in clear"
        assert field.mask is not None
        assert callable(getattr(masks, field.mask))
        assert callable(getattr(outlines, str(field.narrow)))
        assert any(field.reveal in permissions for permissions in PERMISSIONS.values())
        assert field.sensitivity is Sensitivity.C2
    else:
        assert column in columns
        assert (field.mask, field.reveal) == (None, None)


def _names(shape: Any) -> set[str]:
    return {each.name for each in fields(shape)} if is_dataclass(shape) else set()


@pytest.mark.parametrize("field", [f for f in FIELDS if f.handling is not Handling.BEHAVIOUR], ids=lambda f: f.column)
def test_neither_an_identifier_nor_a_descriptor_is_in_an_event(field: Field) -> None:
    table, _, column = field.column.partition(".")
    thing = {"identity_documents": "customer", "contact_points": "customer"}.get(table, table.removesuffix("s"))
    for events in EVENTS.values():
        about = [event for event in events if f".{thing}." in event.type]
        assert not any(column in _names(event) for event in about), column
