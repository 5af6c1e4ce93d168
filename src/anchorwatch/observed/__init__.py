"""What a host says: one snapshot of its engine, containers, images, networks and volumes.

The room's doors are here; everything else in it is its own affair. Importing it is cheap: the docker SDK is loaded by the
first snapshot, while an ssh handshake runs.
"""

from anchorwatch.observed.contexts import current_address
from anchorwatch.observed.engine import EngineConnection, connect, observe

__all__ = ["EngineConnection", "connect", "current_address", "observe"]
