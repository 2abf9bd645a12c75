from datetime import datetime
from uuid import UUID

from libs.common.database import UnitOfWork
from libs.common.domain import InvalidValue
from libs.common.ids import new_id
from services.manager.domain.org_unit import OrgUnit, OrgUnitKind, path_below
from services.manager.storage.repository import OrgUnitRepository


async def open_org_unit(
    uow: UnitOfWork, *, code: str, name: str, kind: OrgUnitKind, parent_id: UUID | None, at: datetime
) -> OrgUnit:
    """Add a unit below another, or a root."""
    units = OrgUnitRepository(uow)
    parent = await units.find(parent_id) if parent_id else None
    if parent_id and parent is None:
        raise InvalidValue("parent_id", "There is no such unit within your reach.")
    unit_id = new_id()
    unit = OrgUnit(id=unit_id, code=code, name=name, kind=kind, path=path_below(parent, unit_id), parent_id=parent_id)
    unit.open(at=at)
    units.add(unit)
    return unit
