"""Foreign text made harmless to look at: see `model.clean`, where messages find it too."""

from anchorwatch.model.clean import LONGEST, clean, encodable, paragraphs, shorten

__all__ = ["LONGEST", "clean", "encodable", "paragraphs", "shorten"]
