"""The HTTP side of the scoring service."""

from libs.common.app import App
from libs.common.settings import Settings
from libs.directory.composition import service_app
from services.scoring.api import contribution_policies, scores
from services.scoring.api.examples import EXAMPLES
from services.scoring.storage.section import PUBLICATIONS


def app(settings: Settings) -> App:
    routers = [scores.router, contribution_policies.router]
    return service_app(settings, routers=routers, examples=EXAMPLES, publications=PUBLICATIONS)
