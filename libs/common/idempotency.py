"""Idempotency-Key: a command repeated by its sender takes effect once and answers the same.

The key is stored in the command's own transaction, under an advisory lock on (principal, method, path, key), with
what the command published: a repeat gets the consistency token that went astray with the first answer. Of the body a
keyed hash is kept: a plain one of a phone number is found again by trying all there are.
"""

import hashlib
import hmac
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

import orjson
from fastapi import Request

from libs.common.authentication import Principal
from libs.common.committing import Answer
from libs.common.database import UnitOfWork
from libs.common.driver import Statement
from libs.common.keyring import KeyRing
from libs.common.marks import Mark
from libs.common.problems import RETRY_SOON, Problem

HEADER = "Idempotency-Key"
LONGEST_KEY = 255
PURPOSE = "idempotency"

# One round trip. Whoever commits between its snapshot and its lock is not seen, and then found by the key's uniqueness.
FIND = """
    SELECT pg_try_advisory_xact_lock($1) AS ours, body_digest, status, resource_id, written
    FROM (SELECT) AS asked LEFT JOIN idempotency_keys ON digest = $2
"""
FOUND = Statement(FIND, ("number", "digest"), {})


@dataclass(frozen=True)
class FirstAnswer:
    """What a command answered: the resource is shown again, `written` is what it published."""

    status: int
    resource_id: UUID
    written: list[Mark]


@dataclass(frozen=True)
class Attempt:
    """One try of a command."""

    digest: bytes
    body: bytes
    ring: KeyRing

    @classmethod
    async def of(cls, request: Request, principal: Principal, ring: KeyRing) -> "Attempt":
        key = request.headers.get(HEADER, "")
        if not key or len(key) > LONGEST_KEY:
            detail = f"Every POST needs an {HEADER} header of 1 to {LONGEST_KEY} characters, new for each command."
            raise Problem(HTTPStatus.BAD_REQUEST, detail)
        target = f"{request.url.path}?{request.url.query}"
        named = f"{principal.login}\n{request.method}\n{target}\n{key}"
        return cls(hashlib.sha256(named.encode()).digest(), await request.body(), ring)

    async def first_answer(self, uow: UnitOfWork) -> FirstAnswer | None:
        """What the first try answered, or nothing where this is the first.

        Raises:
            Problem: 409 while another try is under way, 422 when the key came with another body.
        """
        number = int.from_bytes(self.digest[:8], "big", signed=True)
        (row,) = await uow.fetch(FOUND, number=number, digest=self.digest)
        if not row["ours"]:
            detail = "The same command is being carried out; try again."
            raise Problem(HTTPStatus.CONFLICT, detail, headers=RETRY_SOON)
        if row["body_digest"] is None:
            return None
        if not self._is_of(row["body_digest"]):
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"This {HEADER} was used for another command.")
        written = [Mark(stream, UUID(key), version) for stream, key, version in orjson.loads(row["written"])]
        return FirstAnswer(row["status"], row["resource_id"], written)

    def answer(self, status: int, resource_id: UUID) -> Answer:
        return Answer(self.digest, self._body_digest(self.ring.current), status, resource_id)

    def _body_digest(self, version: int) -> bytes:
        key = self.ring.derive(PURPOSE, version)
        return bytes([version]) + hmac.digest(key, self.digest + self.body, "sha256")

    def _is_of(self, body_digest: bytes) -> bool:
        return body_digest[0] in self.ring.keys and hmac.compare_digest(body_digest, self._body_digest(body_digest[0]))
