"""A font for tests: one character, whichever a test wants, with a shape that is borrowed from a font of the repository."""

import struct
from pathlib import Path

from services.documents.rendering.fontbook import OURS

DONOR = OURS / "NotoSans-Regular.ttf"
SHAPE = "Q"


def font_with(character: str, family: str) -> bytes:
    """A TrueType file of this family whose only character is `character`, drawn like a Q."""
    tables = _tables(DONOR.read_bytes())
    kept = {tag: tables[tag] for tag in (b"OS/2", b"glyf", b"head", b"hhea", b"hmtx", b"loca", b"maxp", b"post")}
    return _file({**kept, b"cmap": _cmap(ord(character), _glyph_of(SHAPE, tables[b"cmap"])), b"name": _name(family)})


def install(folder: Path, character: str, family: str) -> Path:
    """Put such a font into a folder; whole or not at all, like a package manager."""
    folder.mkdir(parents=True, exist_ok=True)
    hidden, path = folder / f"{family}.part", folder / f"{family}.ttf"
    hidden.write_bytes(font_with(character, family))
    return hidden.rename(path)


def _tables(font: bytes) -> dict[bytes, bytes]:
    count = struct.unpack(">H", font[4:6])[0]
    entries = (struct.unpack(">4sIII", font[at : at + 16]) for at in range(12, 12 + 16 * count, 16))
    return {tag: font[offset : offset + length] for tag, _, offset, length in entries}


def _glyph_of(character: str, cmap: bytes) -> int:
    """By the groups of its format 12, or the segments of its format 4."""
    for at in range(4, 4 + 8 * struct.unpack(">H", cmap[2:4])[0], 8):
        offset = struct.unpack(">I", cmap[at + 4 : at + 8])[0]
        if struct.unpack(">H", cmap[offset : offset + 2])[0] == 12:
            for group in range(struct.unpack(">I", cmap[offset + 12 : offset + 16])[0]):
                first, last, glyph = struct.unpack(">III", cmap[offset + 16 + 12 * group : offset + 28 + 12 * group])
                if first <= ord(character) <= last:
                    return int(glyph + ord(character) - first)
    raise ValueError(character)


def _cmap(code: int, glyph: int) -> bytes:
    group = struct.pack(">HHIIIIII", 12, 0, 28, 0, 1, code, code, glyph)
    return struct.pack(">HHHHI", 0, 1, 3, 10, 12) + group


def _name(family: str) -> bytes:
    texts = {1: family, 2: "Regular", 4: family, 6: family.replace(" ", "")}
    records, storage = b"", b""
    for number, text in texts.items():
        said = text.encode("utf-16-be")
        records += struct.pack(">6H", 3, 1, 0x409, number, len(said), len(storage))
        storage += said
    return struct.pack(">3H", 0, len(texts), 6 + len(records)) + records + storage


def _file(tables: dict[bytes, bytes]) -> bytes:
    directory, body, offset = b"", b"", 12 + 16 * len(tables)
    for tag, content in sorted(tables.items()):
        padded = content + b"\0" * (-len(content) % 4)
        checksum = sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFFFFFF
        directory += struct.pack(">4sIII", tag, checksum, offset + len(body), len(content))
        body += padded
    return struct.pack(">IHHHH", 0x00010000, len(tables), 128, 3, 16) + directory + body
