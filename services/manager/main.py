"""The HTTP side of the manager service."""

from libs.common.app import App
from libs.common.settings import Settings
from libs.directory.composition import service_app
from services.manager.api import assignments, org_units, staff
from services.manager.storage.section import PUBLICATIONS


def app(settings: Settings) -> App:
    routers = [org_units.router, staff.router, assignments.router]
    return service_app(settings, routers=routers, publications=PUBLICATIONS)
