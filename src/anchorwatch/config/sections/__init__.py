"""The config file as pydantic models, one module for what belongs together; nothing outside the config room sees them.

What a key is, what it defaults to and what is said of it in `docs/config.md` and `schema.json` is written here and nowhere else.
"""
