from libs.common.migrations import run
from libs.directory import tables as directory
from services.marketing.storage.tables import metadata

run(metadata, directory.metadata)
