"""The HTTP side of the customer service."""

from libs.common.app import App
from libs.common.settings import Settings
from libs.directory.composition import service_app
from services.customer.api import accounts, customers, me, reveals
from services.customer.api.examples import EXAMPLES
from services.customer.storage.section import PUBLICATIONS


def app(settings: Settings) -> App:
    routers = [customers.router, accounts.router, me.router, reveals.router]
    return service_app(settings, routers=routers, examples=EXAMPLES, publications=PUBLICATIONS)
