"""Identifiers shown to roles that tell one from another and need no more: their first and their last character.

Fields of this kind are typed `Masked`, in the API and in sections alike, so that none is forgotten.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_type_hints

MASKED = "masked"
Masked = Annotated[str, MASKED]
"""An identifier as its mask leaves it."""

SHOWN = 2


def outline(masked: str) -> str:
    """138****5678 → 1*********8."""
    return f"{masked[0]}{'*' * (len(masked) - SHOWN)}{masked[-1]}" if len(masked) > SHOWN else "*" * len(masked)


def outlined(shape: Any, value: Any) -> Any:
    """A copy of a document of this shape, or of a model, with every masked identifier outlined."""
    if value is None or not _touched(shape):
        return value
    if MASKED in getattr(shape, "__metadata__", ()):
        return outline(value)
    if isinstance(value, list):
        (inner,) = get_args(shape)
        return [outlined(inner, each) for each in value]
    if not _names(shape):  # a choice between it and nothing
        (inner,) = [each for each in get_args(shape) if _touched(each)]
        return outlined(inner, value)
    names = [(name, hint) for name, hint in _names(shape) if _touched(hint)]
    if isinstance(value, dict):
        return {**value, **{name: outlined(hint, value[name]) for name, hint in names if name in value}}
    return value.model_copy(update={name: outlined(hint, getattr(value, name)) for name, hint in names})


@cache
def _names(shape: Any) -> tuple[tuple[str, Any], ...]:
    """The fields of a dataclass or a model, with their types."""
    if not isinstance(shape, type):
        return ()
    own = [field.name for field in fields(shape)] if is_dataclass(shape) else list(getattr(shape, "model_fields", ()))
    hints: Mapping[str, Any] = get_type_hints(shape, include_extras=True)
    return tuple((name, hints[name]) for name in own)


@cache
def _touched(shape: Any) -> bool:
    """Whether a masked identifier stands anywhere in it."""
    if MASKED in getattr(shape, "__metadata__", ()):
        return True
    return any(_touched(hint) for _, hint in _names(shape)) or any(_touched(each) for each in get_args(shape))
