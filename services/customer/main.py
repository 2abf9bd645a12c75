"""The HTTP side of the customer service."""

from libs.common.app import App
from libs.common.settings import Settings
from libs.directory.composition import service_app
from services.customer.api import accounts, customers, interactions, me, relations, reveals
from services.customer.api.examples import EXAMPLES
from services.customer.storage.section import PUBLICATIONS


def app(settings: Settings) -> App:
    resources = (customers, relations, accounts, interactions, me, reveals)
    routers = [resource.router for resource in resources]
    return service_app(settings, routers=routers, examples=EXAMPLES, publications=PUBLICATIONS)
