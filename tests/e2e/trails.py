"""The audit trail of the service whose database is restored, and the gateway's copy of it."""

from guanxi.local.stack import Stack
from tests.e2e.parted import ALONE
from tests.e2e.stacks import guanxi, owner_of
from tests.polling import until

COPIED = "SELECT count(*) FROM edge.audit WHERE service = $1"


async def trail_is_copied(stack: Stack) -> bool:
    """What is not on its way to the gateway when a database is lost is lost with it."""
    async with owner_of(stack, ALONE) as own, owner_of(stack, "gateway") as gateway:
        written = await own.fetchval("SELECT count(*) FROM audit_entries")
        return bool(await gateway.fetchval(COPIED, ALONE) == written)


async def has_its_trail_again(stack: Stack) -> None:
    """Who looked at whom since the dump, and what they changed."""
    verify = "audit", "verify", "--app", ALONE
    status, said = await guanxi(stack.settings, *verify)
    assert status == 1, said
    assert "is missing here and stands in the gateway's copy" in " ".join(said.split())
    status, said = await guanxi(stack.settings, "audit", "restore", "--app", ALONE)
    assert (status, " 0 entries" in said) == (0, False), said

    async def fits() -> bool:
        return (await guanxi(stack.settings, *verify))[0] == 0

    await until(fits)
