"""Principals' rights as the contracts declare them: granted, and taken back where they are no longer declared."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from confluent_kafka.admin import ScramCredentialInfo as Credential
from confluent_kafka.admin import ScramMechanism as Mechanism
from confluent_kafka.admin import UserScramCredentialUpsertion as Upsertion

from guanxi.cluster.connection import Cluster, settled
from libs.contracts.principals import PARTNER, Rights

ITERATIONS = 8192
ANY: Any = None
"""What the client calls None, though its types say text."""
ANYTHING = AclBindingFilter(
    ResourceType.ANY, ANY, ResourcePatternType.ANY, ANY, ANY, AclOperation.ANY, AclPermissionType.ANY
)


@dataclass(frozen=True, order=True)
class Grant:
    """One thing that one principal may do, from anywhere. A prefixed name stands for all that begin with it."""

    principal: str
    operation: Literal["read", "write"]
    kind: Literal["topic", "group"]
    name: str
    prefixed: bool = False

    def __str__(self) -> str:
        return f"{self.principal}: {self.operation} {self.kind} {self.name}{'*' if self.prefixed else ''}"


def grants_of(rights: Rights) -> Iterable[Grant]:
    """To describe a topic comes with reading and with writing it."""
    for topic in rights.writes:
        yield Grant(rights.principal, "write", "topic", topic.name)
    for topic in rights.reads:
        yield Grant(rights.principal, "read", "topic", topic.name)
    if rights.group is not None and rights.reads:
        yield Grant(rights.principal, "read", "group", rights.group)
        yield Grant(rights.principal, "read", "group", f"{rights.group}.", prefixed=True)


async def apply_rights(cluster: Cluster, declared: Sequence[Rights], *, partners: bool = True) -> list[str]:
    """Grant what is missing, take back what is too much; nobody else's rights are touched, and nothing denied.

    Returns a line for each thing done. With `partners` those who are not declared lose all that they had; without,
    they are left alone.
    """
    wanted = {_binding(grant): grant for rights in declared for grant in grants_of(rights)}
    ours = {f"User:{rights.principal}" for rights in declared}

    def work(admin: AdminClient) -> list[str]:
        allowed = {b for b in settled(admin.describe_acls(ANYTHING)) if b.permission_type == AclPermissionType.ALLOW}
        found = {b for b in allowed if b.principal in ours or (partners and _is_partner(b))}
        missing, surplus = wanted.keys() - found, found - wanted.keys()
        for granted in admin.create_acls(list(missing)).values() if missing else ():
            settled(granted)
        for taken in admin.delete_acls([_exactly(binding) for binding in surplus]).values() if surplus else ():
            settled(taken)
        told = sorted(f"granted {wanted[binding]}" for binding in missing)
        return told + sorted(f"took back {binding.principal} {binding.operation} {binding.name}" for binding in surplus)

    return await cluster.ask(work)


async def set_passwords(cluster: Cluster, passwords: Mapping[str, str]) -> list[str]:
    """SCRAM-SHA-512 credentials of the named principals (RFC 5802), for a cluster whose operator does not make them."""
    how = Credential(Mechanism.SCRAM_SHA_512, ITERATIONS)

    def work(admin: AdminClient) -> list[str]:
        changes: list[Any] = [Upsertion(name, how, told.encode()) for name, told in passwords.items()]
        for changed in admin.alter_user_scram_credentials(changes).values() if changes else ():
            settled(changed)
        return [f"set the password of {name}" for name in sorted(passwords)]

    return await cluster.ask(work)


def _binding(grant: Grant) -> AclBinding:
    pattern = ResourcePatternType.PREFIXED if grant.prefixed else ResourcePatternType.LITERAL
    kind, operation = ResourceType[grant.kind.upper()], AclOperation[grant.operation.upper()]
    return AclBinding(kind, grant.name, pattern, f"User:{grant.principal}", "*", operation, AclPermissionType.ALLOW)


def _exactly(found: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        found.restype,
        found.name,
        found.resource_pattern_type,
        found.principal,
        found.host,
        found.operation,
        found.permission_type,
    )


def _is_partner(found: AclBinding) -> bool:
    return str(found.principal).startswith(f"User:{PARTNER}")
