"""Decimal String and Integer String as numbers (PS3.5 6.2), from their bytes.

Text that is not a number never becomes one: Python's float() takes "1_000", and pydicom raises while other code reads the dataset. The table of
values in test/fixtures/numeric-strings.json holds for the viewer, the command and the server too.
"""

from __future__ import annotations

import math
import re

import pydicom

LONGEST = 64
"""Longest value read, in bytes. The standard ends at 16; real files write a double's 17 digits, which say what they mean."""
_FLOATING = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(E[+-]?[0-9]+)?", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?[0-9]+(\.0*)?")
_DECIMAL_COMMA = re.compile(r"[+-]?([0-9]+,[0-9]*|,[0-9]+)(E[+-]?[0-9]+)?", re.IGNORECASE)
# "1,024" may mean 1024.
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}(E.*)?", re.IGNORECASE)
_LARGEST_EXACT = 2**53 - 1


def decimal_string(text: str) -> float | None:
    """One value of a DS: None when empty, NaN when not a number. A decimal comma counts as a point, unless it may separate thousands."""
    text = _unpadded(text)
    if not text:
        return None
    if len(text) > LONGEST:
        return math.nan
    if _DECIMAL_COMMA.fullmatch(text) and not _THOUSANDS.fullmatch(text):
        text = text.replace(",", ".")
    value = float(text) if _FLOATING.fullmatch(text) else math.nan
    return value if math.isfinite(value) else math.nan


def integer_string(text: str) -> float | None:
    """One value of an IS: None when empty, NaN when not a whole number that a double holds exactly. "3.0" is 3."""
    text = _unpadded(text)
    if not text:
        return None
    value = float(text) if len(text) <= LONGEST and _WHOLE.fullmatch(text) else math.nan
    return value if abs(value) <= _LARGEST_EXACT else math.nan


def _unpadded(text: str) -> str:
    """Without surrounding spaces and the NULs that some writers use as padding."""
    return text.lstrip(" ").rstrip(" \0")


class NumericStrings:
    """The DS and IS values of a dataset. Create it before anything else reads the dataset, while the values are still bytes."""

    def __init__(self, ds: pydicom.Dataset, decimal: tuple[str, ...], integer: tuple[str, ...]):
        self._texts = {keyword: _texts(ds, keyword) for keyword in (*decimal, *integer)}
        self._integer = frozenset(integer)

    def values(self, keyword: str) -> list[float]:
        """All values, NaN where one is not a number; [] when absent or empty."""
        read = integer_string if keyword in self._integer else decimal_string
        values = [read(text) for text in self._texts[keyword]]
        return [] if values == [None] else [math.nan if value is None else value for value in values]

    def first(self, keyword: str) -> float | None:
        """The first value; None when absent or empty, NaN when not a number."""
        return next(iter(self.values(keyword)), None)

    def text(self, keyword: str) -> str:
        """The text in the file, for messages."""
        return "\\".join(self._texts[keyword]).strip(" \0")


def _texts(ds: pydicom.Dataset, keyword: str) -> list[str]:
    if keyword not in ds:
        return []
    element = ds.get_item(keyword)
    value = element.value
    if value is None:
        return []
    if isinstance(value, bytes):
        return value.decode("latin-1").split("\\")
    values = value if isinstance(value, (list, pydicom.multival.MultiValue)) else [value]
    return [str(each) for each in values]
