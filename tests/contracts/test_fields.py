"""Every column that says something about a customer is in the field catalogue, and is kept as the catalogue says."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from libs.common import masks, outlines
from libs.common.keyring import KeyRing
from libs.common.sealing import Sealer
from libs.common.tables import chassis_tables, new_metadata
from libs.contracts.catalogue import EVENTS
from libs.contracts.fields import FIELDS, Field, Handling, Sensitivity
from libs.directory.permissions import PERMISSIONS
from services.complaints.storage import tables as complaints
from services.customer.domain.customer import ContactKind
from services.customer.storage import tables as customer
from services.customer.use_cases.sealing import seal_contact_point
from services.manager.storage import tables as manager
from services.marketing.storage import tables as marketing
from services.scoring.storage import tables as scoring

METADATA = {
    "customer": customer.metadata,
    "manager": manager.metadata,
    "complaints": complaints.metadata,
    "marketing": marketing.metadata,
    "scoring": scoring.metadata,
}
ABOUT_THE_BANK = {
    "org_units",
    "staff",
    "deadline_policies",
    "deadline_warnings",
    "contribution_policies",
    "rankings",
    "products",
    "earning_rules",
    "grade_rungs",
    "occasions",
    "campaigns",
}
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
        assert field.mask
        names = [field.mask] if isinstance(field.mask, str) else field.mask.values()
        assert all(callable(getattr(masks, name)) for name in names)
        assert callable(getattr(outlines, str(field.narrow)))
        assert any(field.reveal in permissions for permissions in PERMISSIONS.values())
        assert field.sensitivity is Sensitivity.C2
    else:
        assert column in columns
        assert (field.mask, field.reveal) == (None, None)


CONTACTS = {"phone": "+8613812345678", "email": "anna@example.com", "address": "上海市浦东新区世纪大道100号"}


@pytest.mark.parametrize("kind", ContactKind)
def test_a_contact_point_is_masked_as_the_catalogue_says_of_its_kind(kind: ContactKind, tmp_path: Path) -> None:
    sealer = Sealer(KeyRing.generate(tmp_path / "ring.json"))
    row, customer_id = uuid4(), uuid4()
    point = seal_contact_point(sealer, CONTACTS[kind], row=row, customer_id=customer_id, kind=kind, field="value")
    (field,) = [field for field in FIELDS if field.column == "contact_points.value"]
    assert isinstance(field.mask, Mapping)
    assert set(field.mask) == set(ContactKind)
    assert point.value.masked == getattr(masks, field.mask[kind])(CONTACTS[kind]) != CONTACTS[kind]


def _names(shape: Any) -> set[str]:
    return {each.name for each in fields(shape)} if is_dataclass(shape) else set()


@pytest.mark.parametrize("field", [f for f in FIELDS if f.handling is not Handling.BEHAVIOUR], ids=lambda f: f.column)
def test_neither_an_identifier_nor_a_descriptor_is_in_an_event(field: Field) -> None:
    table, _, column = field.column.partition(".")
    thing = {"identity_documents": "customer", "contact_points": "customer"}.get(table, table.removesuffix("s"))
    for events in EVENTS.values():
        about = [event for event in events if f".{thing}." in event.type]
        assert not any(column in _names(event) for event in about), column
