"""What a host says: one snapshot of its engine, containers, images, networks and volumes.

The room's doors are here; everything else in it is its own affair. Importing it is cheap: what a snapshot needs is
loaded by the first one, while an ssh handshake runs.
"""

from anchorwatch.observed.contexts import current_address
from anchorwatch.observed.engine import EngineConnection, connect, observe

__all__ = ["EngineConnection", "connect", "current_address", "observe"]
