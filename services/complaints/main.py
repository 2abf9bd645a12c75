"""The HTTP side of the complaints service."""

from libs.common.app import App
from libs.common.settings import Settings
from libs.directory.composition import service_app
from libs.directory.permissions import CASES
from services.complaints.api import complaints
from services.complaints.storage.section import PUBLICATIONS


def app(settings: Settings) -> App:
    return service_app(settings, routers=[complaints.router], publications=PUBLICATIONS, overrides=CASES)
