"""The HTTP side of the manager service."""

from libs.common.app import App
from libs.common.settings import Settings
from libs.directory.composition import service_app
from services.manager.api import access_grants, assignments, ethical_walls, org_units, staff, tasks
from services.manager.api.examples import EXAMPLES
from services.manager.storage.section import PUBLICATIONS


def app(settings: Settings) -> App:
    apis = (org_units, staff, assignments, tasks, access_grants, ethical_walls)
    routers = [api.router for api in apis]
    return service_app(settings, routers=routers, examples=EXAMPLES, publications=PUBLICATIONS)
