from gateway.storage.tables import METADATA
from libs.common.migrations import run

run(*METADATA)
