"""Conditional requests (RFC 9110, 13): the tag of what a caller sees, and whether they have it already."""

from http import HTTPStatus

from fastapi import Request, Response

from libs.common.database import UnitOfWork, Versioned
from libs.common.problems import Problem

LONGEST_VERSION = 18
IN_PART, OUTLINED = "-in-part", "-outlined"
"""End the tag of what is not shown whole: the same version looks otherwise then."""


class NotModified(Exception):
    """Not an error: the caller has it already."""


def headers_of(uow: UnitOfWork, answered: Versioned) -> dict[str, str]:
    """By which what is answered is known again, or that it is not to be kept."""
    if answered.fleeting:
        return {"Cache-Control": "no-store"}
    shown = f"{IN_PART if answered.in_part else ''}{OUTLINED if uow.scope.outlines else ''}"
    return {"ETag": f'"{answered.version}{shown}"'}


def version_of(if_match: str) -> int:
    """Raises Problem 412 for what names no version."""
    version = if_match.strip().strip('"').removesuffix(OUTLINED).removesuffix(IN_PART)
    if not version.isdecimal() or len(version) > LONGEST_VERSION:
        raise Problem(HTTPStatus.PRECONDITION_FAILED, "If-Match names no version of this resource.")
    return int(version)


def has(request: Request, tag: str) -> bool:
    """Whether what this tag stands for is among what the caller has."""
    told = request.headers.get("if-none-match")
    return told is not None and not {tag, "*"}.isdisjoint(each.strip().removeprefix("W/") for each in told.split(","))


async def not_modified(_request: Request, _known: NotModified) -> Response:
    return Response(status_code=HTTPStatus.NOT_MODIFIED)
