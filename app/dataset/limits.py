"""How much of a folder may rest on one person."""

from typing import Final

CELLS_A_READER: Final = 500
"""At most so many cells of a folder carry one reader's word, so that no single reader teaches the model."""
