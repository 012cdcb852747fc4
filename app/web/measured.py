"""The measurements of a cell as rows for a reader: words, unit, decimals, in reading order."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from app.web.page_contexts import MeasurementRow, Span
from app.web.words import PredictionLabel

_MARGIN: Final = 0.02
_INSIDE: Final = 1 - 2 * _MARGIN


class _Property(NamedTuple):
    words: str
    unit: str
    decimals: int
    factor: float = 1.0

    def said(self, value: float) -> str:
        """With thin spaces between thousands."""
        return f"{value * self.factor:,.{self.decimals}f}".replace(",", "\u202f")

    def scaled(self, micrometres_per_pixel: float | None) -> "_Property":
        """In micrometres, where it has a length and there is a scale."""
        scale = micrometres_per_pixel
        if scale is None or self.unit not in ("px", "px²"):
            return self
        unit, factor = ("µm", scale) if self.unit == "px" else ("µm²", scale**2)
        return self._replace(unit=unit, factor=factor, decimals=1)


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


Range = tuple[float, float]
"""From the lowest to the highest of the middle nine tenths, in the unit of the measurement."""


def measurement_rows(
    values: Mapping[str, float],
    ranges: Mapping[str, Mapping[PredictionLabel, Range]] | None = None,
    micrometres_per_pixel: float | None = None,
) -> tuple[MeasurementRow, ...]:
    """The rows for those of `values` that a reader is shown; names without words are left out.

    Args:
        ranges: of the training cells of each class, by name of the measurement.
        micrometres_per_pixel: turns lengths and areas into micrometres; None leaves them in pixels.
    """
    return tuple(
        _row(name, values[name], shown.scaled(micrometres_per_pixel), (ranges or {}).get(name, {}))
        for name, shown in PROPERTIES.items()
        if name in values
    )


def _row(
    name: str, value: float, shown: _Property, ranges: Mapping[PredictionLabel, Range]
) -> MeasurementRow:
    lowest = min([value, *(low for low, _ in ranges.values())])
    width = max([value, *(high for _, high in ranges.values())]) - lowest or 1.0
    spans = tuple(
        Span(
            label,
            f"{shown.said(low)} to {shown.said(high)}",
            _MARGIN + _INSIDE * (low - lowest) / width,
            _INSIDE * (high - low) / width,
        )
        for label, (low, high) in ranges.items()
    )
    place = _MARGIN + _INSIDE * (value - lowest) / width
    return MeasurementRow(name, shown.words, shown.said(value), shown.unit, spans, place)
