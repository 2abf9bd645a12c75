from services.manager.storage.tables import metadata

from libs.common.migrations import run
from libs.directory import tables as directory

run(metadata, directory.metadata)
