"""The always-on half: what happens becomes keys and reasons (`triggers`), keys become checks (`queue`), failure becomes patience
(`backoff`). Whatever an event said, the check reads the world again."""
