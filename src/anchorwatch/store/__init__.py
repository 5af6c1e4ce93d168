"""The state database: the only room that knows SQLAlchemy and Alembic (loading it costs 0.3 s, so do it when it is needed).

`Store` opens one; each module beside it is for one kind of thing that is remembered, and takes a transaction of the store:
`hosts`, `stacks`, `commits`, `containers`, `events`, `checks`, `drifts`, `transitions`, `deliveries`, `cursors`, `runs`. What
goes in and comes out are the frozen values of `model/drifts.py` and `model/timeline.py`. `retention` makes room, `recovery`
mends.
"""

from anchorwatch.store.store import Store
from anchorwatch.store.transactions import Reading, Writing

__all__ = ["Reading", "Store", "Writing"]
