"""The HTTP side of the marketing service."""

from libs.common.app import App
from libs.common.settings import Settings
from libs.directory.composition import service_app
from services.marketing.api import campaign_members, campaigns, me, points_accounts, products
from services.marketing.api.examples import EXAMPLES
from services.marketing.storage.section import PUBLICATIONS


def app(settings: Settings) -> App:
    resources = (products, points_accounts, campaigns, campaign_members, me)
    routers = [resource.router for resource in resources]
    return service_app(settings, routers=routers, examples=EXAMPLES, publications=PUBLICATIONS)
