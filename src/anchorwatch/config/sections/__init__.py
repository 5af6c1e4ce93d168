"""The config file as pydantic models, one module for what belongs together; nothing outside the config room sees them.

What a key is, what it defaults to and what is said of it in `docs/config.md` and `schema.json` is written here and nowhere else.
"""

import os

# For its plugins, of which none is wanted here, pydantic would read what every installed package says of itself: 15 ms.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
