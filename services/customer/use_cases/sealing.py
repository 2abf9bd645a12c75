"""Identifiers checked, normalised and sealed on their way in: errors name the field and never repeat the value."""

import re
from datetime import date
from uuid import UUID

from libs.common.domain import InvalidValue
from libs.common.masks import mask_account, mask_address, mask_document, mask_email, mask_phone
from libs.common.phone import normalise_phone
from libs.common.sealing import Sealer
from services.customer.domain.account import ACCOUNT
from services.customer.domain.customer import ContactKind, ContactPoint, IdentityDocument
from services.customer.domain.identity_documents import DocumentType, check_number, normalise_number
from services.customer.domain.sealed import SealedIdentifier

EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}\.[^@\s.]{2,}")


def normal_document_number(type_: DocumentType, raw: str, *, today: date, field: str) -> str:
    number = normalise_number(type_, raw)
    if wrong := check_number(type_, number, today=today):
        raise InvalidValue(field, wrong)
    return number


def seal_document(
    sealer: Sealer,
    raw: str,
    *,
    row: UUID,
    customer_id: UUID,
    type_: DocumentType,
    valid_from: date | None,
    valid_to: date | None,
    today: date,
    field: str,
) -> IdentityDocument:
    number = normal_document_number(type_, raw, today=today, field=field)
    sealed = sealer.seal(
        number, kind=type_, mask=mask_document, place="identity_documents.number", row=row, by_last=True
    )
    return IdentityDocument(
        id=row, customer_id=customer_id, type=type_, number=sealed, valid_from=valid_from, valid_to=valid_to
    )


def seal_contact_point(
    sealer: Sealer, raw: str, *, row: UUID, customer_id: UUID, kind: ContactKind, field: str
) -> ContactPoint:
    masks = {ContactKind.PHONE: mask_phone, ContactKind.EMAIL: mask_email, ContactKind.ADDRESS: mask_address}
    value = _normal_contact(kind, raw, field)
    by_last = kind is ContactKind.PHONE
    sealed = sealer.seal(value, kind=kind, mask=masks[kind], place="contact_points.value", row=row, by_last=by_last)
    return ContactPoint(id=row, customer_id=customer_id, kind=kind, value=sealed)


def contact_indexes(sealer: Sealer, raw: str, *, kind: ContactKind, field: str) -> list[bytes]:
    """By which it is known where it is known already."""
    return sealer.indexes(kind, _normal_contact(kind, raw, field))


def seal_account_number(sealer: Sealer, number: str, *, row: UUID, place: str = "accounts.number") -> SealedIdentifier:
    _require_content(number, "number")
    return sealer.seal(number, kind=ACCOUNT, mask=mask_account, place=place, row=row, by_last=True)


def _normal_contact(kind: ContactKind, raw: str, field: str) -> str:
    if kind is ContactKind.PHONE:
        try:
            return normalise_phone(raw)
        except ValueError as error:
            raise InvalidValue(field, str(error)) from None
    if kind is ContactKind.EMAIL and not EMAIL.fullmatch(raw.strip()):
        raise InvalidValue(field, "This is not an e-mail address.")
    _require_content(raw, field)
    return raw.strip()


def _require_content(text: str, field: str) -> None:
    """Spaces and hyphens alone identify nothing."""
    if not any(character.isalnum() for character in text):
        raise InvalidValue(field, "It has neither a letter nor a digit.")
