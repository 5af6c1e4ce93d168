"""`python -m anchorwatch.cli`: the same as `anchorwatch`."""

from anchorwatch.cli import program

program()
