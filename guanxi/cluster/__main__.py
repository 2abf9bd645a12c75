"""`python -m guanxi.cluster apply`: `guanxi topics` alone, for a container that has nothing of the local stack."""

import sys

from guanxi.cluster.command import topics
from guanxi.local.failures import LocalFailure

try:
    topics()
except LocalFailure as failure:
    sys.stderr.write(f"{failure}\n")
    sys.exit(failure.exit_status)
