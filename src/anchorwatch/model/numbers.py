"""Numbers that remember how they were written."""

from __future__ import annotations


class Literal(float):
    """A JSON number with a fraction or an exponent, that prints as it was spelled.

    Compose's config hash is taken over the text of its JSON, so `0.10` may not come back as `0.1`.
    Use it as `parse_float` of `json.loads`.
    """

    __slots__ = ("spelling",)
    spelling: str

    def __new__(cls, spelling: str) -> Literal:
        """The number that `spelling` says."""
        number = super().__new__(cls, spelling)
        number.spelling = spelling
        return number

    def __repr__(self) -> str:
        return self.spelling
