"""Which characters a font file has glyphs for: its `cmap` table, and nothing else of it (OpenType 1.9, cmap).

Read by us and not by the engine, because the engine says only that "a" glyph is missing, after it has drawn a box.
"""

import struct
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

# Best first: whole Unicode, then its first plane. Platform 0 is Unicode, 3 is Windows.
_WANTED = ((3, 10), (0, 6), (0, 4), (3, 1), (0, 3), (0, 2), (0, 1), (0, 0))


@dataclass(frozen=True, slots=True)
class Coverage:
    """Sorted ranges of code points, first and last included."""

    firsts: tuple[int, ...] = ()
    lasts: tuple[int, ...] = ()

    def __contains__(self, code: int) -> bool:
        at = bisect_right(self.firsts, code) - 1
        return at >= 0 and code <= self.lasts[at]


def coverage(path: Path, index: int) -> Coverage:
    """The code points that the font has glyphs for; `index` is its place in a collection. Raises ValueError, OSError."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
            start = 0
            if head[:4] == b"ttcf":
                file.seek(12 + 4 * index)
                start = struct.unpack(">I", file.read(4))[0]
                file.seek(start)
                head = file.read(12)
            tables = file.read(16 * struct.unpack(">H", head[4:6])[0])
            for at in range(0, len(tables), 16):
                tag, _, offset, length = struct.unpack(">4sIII", tables[at : at + 16])
                if tag == b"cmap":
                    file.seek(offset)
                    return _of_table(file.read(length))
    except (struct.error, IndexError) as error:
        raise ValueError(f"{path} is no font that can be read") from error
    raise ValueError(f"{path} has no cmap table")


def _of_table(cmap: bytes) -> Coverage:
    count = struct.unpack(">H", cmap[2:4])[0]
    there = {}
    for at in range(4, 4 + 8 * count, 8):
        platform, encoding, offset = struct.unpack(">HHI", cmap[at : at + 8])
        there[platform, encoding] = offset
    for wanted in _WANTED:
        if wanted in there:
            offset = there[wanted]
            kind = struct.unpack(">H", cmap[offset : offset + 2])[0]
            if kind == 4:
                return _merged(_segments(cmap[offset:]))
            if kind == 12:
                return _merged(_groups(cmap[offset:]))
    return Coverage()  # symbols in an order of their own: nothing that text could ask for


def _groups(table: bytes) -> list[tuple[int, int]]:
    """Format 12. Glyph 0 is the box for what is missing."""
    count = struct.unpack(">I", table[12:16])[0]
    ranges = []
    for at in range(16, 16 + 12 * count, 12):
        first, last, glyph = struct.unpack(">III", table[at : at + 12])
        ranges.append((first + 1 if glyph == 0 else first, last))
    return ranges


def _segments(table: bytes) -> list[tuple[int, int]]:
    """Format 4: segments whose glyphs are the code plus a number, or are listed."""
    length, _, doubled = struct.unpack(">HHH", table[2:8])
    count = doubled // 2
    words = struct.unpack(f">{length // 2}H", table[: length // 2 * 2])
    lasts, firsts = words[7 : 7 + count], words[8 + count : 8 + 2 * count]
    deltas, offsets = words[8 + 2 * count : 8 + 3 * count], words[8 + 3 * count : 8 + 4 * count]
    ranges: list[tuple[int, int]] = []
    for segment in range(count):
        first, last, delta, offset = firsts[segment], lasts[segment], deltas[segment], offsets[segment]
        if offset == 0:
            boxed = -delta & 0xFFFF  # the code whose glyph would be 0
            ranges += [(first, last)] if not first <= boxed <= last else [(first, boxed - 1), (boxed + 1, last)]
            continue
        for code in range(first, last + 1):
            at = 8 + 3 * count + segment + offset // 2 + code - first
            if at < len(words) and words[at] and (words[at] + delta) & 0xFFFF:
                ranges.append((code, code))
    return ranges


def _merged(ranges: list[tuple[int, int]]) -> Coverage:
    firsts: list[int] = []
    lasts: list[int] = []
    for first, last in sorted(one for one in ranges if one[0] <= one[1]):
        if lasts and first <= lasts[-1] + 1:
            lasts[-1] = max(lasts[-1], last)
        else:
            firsts.append(first)
            lasts.append(last)
    return Coverage(tuple(firsts), tuple(lasts))
