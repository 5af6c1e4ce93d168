"""What is said of a value that a key cannot have, before it is known in which line it stands."""

from __future__ import annotations


class WrongValue(ValueError):
    """A value that a key cannot have: `problem` continues the sentence that the key begins, `instead` says what to write.

    `value` is what was written, where that may be shown; never a secret.
    """

    def __init__(self, problem: str, *, instead: str | None = None, value: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.instead = instead
        self.value = value
