"""Decodes an untrusted image in a confined process and re-encodes it, so that the output is entirely our own.

Re-encoding drops EXIF (locations, owners) and any appended or hidden data. A large JPEG is reduced while it is decoded, so that a
picture of a 200-megapixel phone costs no more than one of 12 megapixels. Other formats cannot be reduced and have a lower pixel limit.
"""

import io
import json
import resource
import sys
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from shared.web.confined_child import Refusal, confine, serve

SCALES = (1, 2, 4, 8)  # the factors that libjpeg can reduce by
PROGRESSIVE_BYTES_A_PIXEL = 6
OURSELVES_BYTES = 128 * 2**20
AS_IT_IS = ("1", "L", "RGB", "RGBA")

Image.MAX_IMAGE_PIXELS = None  # each picture has its own limits, which are checked before it is decoded


def answer(question: bytes) -> bytes:
    """`question` is a line of JSON (see shared.web.images.Wanted), then the image. Raises Refusal."""
    wanted, _, content = question.partition(b"\n")
    return drawn(content, json.loads(wanted))


def drawn(content: bytes, wanted: dict[str, Any]) -> bytes:
    """The image, re-encoded. Raises Refusal `too_large` with its sides, `unreadable`."""
    kind = wanted["kind"]
    try:
        with Image.open(io.BytesIO(content), formats=[kind]) as image:
            _within_limits(image, wanted)
            if kind == "JPEG":
                _fits_in_memory(image)
                _reduced(image, wanted["max_pixels"])
            ImageOps.exif_transpose(image, in_place=True)
            plain = _plain(image, wanted["save_as"])
            if wanted["fit"]:
                plain = plain.convert("RGBA")
                plain.thumbnail(wanted["fit"])
            return _saved(plain, wanted)
    except MemoryError as error:
        raise Refusal("too_large", width=image.width, height=image.height) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise Refusal("unreadable") from error


def _within_limits(image: Image.Image, wanted: dict[str, Any]) -> None:
    pixels = wanted["max_pixels"] if wanted["kind"] != "JPEG" else wanted["max_jpeg_pixels"]
    if max(image.size) > wanted["max_side"] or image.width * image.height > pixels:
        raise Refusal("too_large", width=image.width, height=image.height)


def _fits_in_memory(image: Image.Image) -> None:
    """Refuse a progressive JPEG that needs too much memory: it is decoded whole even if reduced, and libjpeg would call it "broken"."""
    memory, _ = resource.getrlimit(resource.RLIMIT_AS)
    needed = image.width * image.height * PROGRESSIVE_BYTES_A_PIXEL + OURSELVES_BYTES
    if image.info.get("progressive") and memory != resource.RLIM_INFINITY and needed > memory:
        raise Refusal("too_large", width=image.width, height=image.height)


def _reduced(image: Image.Image, max_pixels: int) -> None:
    """Make the decoder reduce the image to at most `max_pixels`."""
    width, height = image.size
    scale = next((scale for scale in SCALES if (width // scale) * (height // scale) <= max_pixels), SCALES[-1])
    if scale > 1:
        image.draft(None, (max(1, width // scale), max(1, height // scale)))


def _plain(image: Image.Image, save_as: str) -> Image.Image:
    """The picture without metadata, in a mode that its format supports; converted only if necessary, because a copy doubles the memory."""
    image.load()
    if save_as == "JPEG":
        plain = image if image.mode in ("L", "RGB") else image.convert("RGB")
    elif image.mode in AS_IT_IS and "transparency" not in image.info:
        plain = image
    else:
        plain = image.convert("RGBA")
    plain.info.clear()
    plain.getexif().clear()
    return plain


def _saved(plain: Image.Image, wanted: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    plain.save(out, wanted["save_as"], optimize=wanted["optimize"])
    if out.tell() > wanted["max_bytes"]:
        raise Refusal("too_large", width=plain.width, height=plain.height)
    return out.getvalue()


if __name__ == "__main__":
    confine(int(sys.argv[1]))
    Image.init()
    serve(answer, sys.stdin.buffer, sys.stdout.buffer)
