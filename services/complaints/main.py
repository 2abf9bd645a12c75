"""The HTTP side of the complaints service."""

from libs.common.app import App
from libs.common.settings import Settings
from libs.directory.composition import service_app
from libs.directory.permissions import CASES
from services.complaints.api import complaints, me
from services.complaints.api.examples import EXAMPLES
from services.complaints.storage.section import PUBLICATIONS


def app(settings: Settings) -> App:
    routers = [complaints.router, me.router]
    return service_app(settings, routers=routers, examples=EXAMPLES, publications=PUBLICATIONS, overrides=CASES)
