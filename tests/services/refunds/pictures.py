"""Files to upload: good ones, and those that attackers send."""

import io
import struct
import zlib

from PIL import Image

PLACE = b"GPS 23.8103 N 90.4125 E"


def picture(kind: str = "JPEG", size: tuple[int, int] = (40, 30)) -> bytes:
    """A small image with a place in its EXIF."""
    out = io.BytesIO()
    image = Image.new("RGB", size, (200, 30, 30))
    exif = image.getexif()
    exif[0x010E] = PLACE.decode()  # ImageDescription
    image.save(out, kind, exif=exif)
    return out.getvalue()


def pdf(body: bytes = b"1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n") -> bytes:
    """The outside of a PDF."""
    return b"%PDF-1.7\n" + body + b"%%EOF\n"


def zip_bomb_png(side: int = 60_000) -> bytes:
    """A few kilobytes that claim to be 3.6 thousand million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1_000_000))) + chunk(b"IEND", b"")


def polyglot() -> bytes:
    """A JPEG that is also a page with a script."""
    return picture() + b"<script>alert(document.cookie)</script>"
