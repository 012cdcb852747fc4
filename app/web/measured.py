"""The measurements of a cell as rows for a reader: words, unit, decimals, in reading order."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from app.web.page_contexts import MeasurementRow


class _Property(NamedTuple):
    words: str
    unit: str
    decimals: int


PROPERTIES: Final[dict[str, _Property]] = {
    "area_px2": _Property("Area", "px²", 0),
    "equivalent_diameter_px": _Property("Diameter of an equal circle", "px", 1),
    "perimeter_px": _Property("Perimeter", "px", 0),
    "width_px": _Property("Width", "px", 0),
    "height_px": _Property("Height", "px", 0),
    "circularity": _Property("Circularity, 1 is a circle", "", 3),
    "solidity": _Property("Solidity, 1 has no dents", "", 3),
    "aspect_ratio": _Property("Short side over long side", "", 3),
    "dark_share": _Property("Share of dark area", "", 3),
    "dark_contrast": _Property("Contrast, dark to bright", "grey levels", 1),
    "sharpness": _Property("Sharpness", "", 1),
    "gradient_mean": _Property("Texture, mean gradient", "", 1),
    "red_mean": _Property("Mean red", "of 255", 0),
    "green_mean": _Property("Mean green", "of 255", 0),
    "blue_mean": _Property("Mean blue", "of 255", 0),
}
"""What a reader is shown, in order; names as in `models.measurements`."""


def measurement_rows(values: Mapping[str, float]) -> tuple[MeasurementRow, ...]:
    """The rows for those of `values` that a reader is shown; names without words are left out."""
    return tuple(
        MeasurementRow(name, words, f"{values[name]:,.{decimals}f}".replace(",", "\u202f"), unit)
        for name, (words, unit, decimals) in PROPERTIES.items()
        if name in values
    )
