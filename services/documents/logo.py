"""Cleans an uploaded logo: what comes out is a small PNG that we drew ourselves, whatever came in."""

import hashlib
import io

from PIL import Image, UnidentifiedImageError

from shared.errors import Invalid, TooLarge

MAX_UPLOAD_BYTES = 1_000_000
MAX_SIDE_PIXELS = 4_000
PRINTED_PIXELS = (720, 240)  # 18 mm high at 300 dpi, and as wide as a head of paper leaves room for

SIGNATURES = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG"}


def cleaned_logo(upload: bytes) -> tuple[str, bytes]:
    """SHA-256 and bytes of the logo as it will be printed. Decodes: run it outside of the event loop.

    The type is taken from the content, never from a name or header. Decoding and drawing again drops metadata, trailing
    archives and everything else that is not the picture. Raises TooLarge `logo_too_large`, Invalid `logo_type`, `logo_unreadable`.
    """
    if len(upload) > MAX_UPLOAD_BYTES:
        raise TooLarge("logo_too_large", f"A logo is at most {MAX_UPLOAD_BYTES // 1000} kB.")
    kind = next((kind for signature, kind in SIGNATURES.items() if upload.startswith(signature)), None)
    if kind is None:
        raise Invalid("logo_type", "Send a PNG or a JPEG.")
    try:
        with Image.open(io.BytesIO(upload), formats=[kind]) as image:
            if max(image.size) > MAX_SIDE_PIXELS:
                raise TooLarge("logo_too_large", f"A logo is at most {MAX_SIDE_PIXELS} pixels wide and high.")
            drawn = image.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Invalid("logo_unreadable", f"It claims to be a {kind} but cannot be decoded as one.") from error
    drawn.thumbnail(PRINTED_PIXELS)
    clean = io.BytesIO()
    drawn.save(clean, "PNG", optimize=True)
    png = clean.getvalue()
    return hashlib.sha256(png).hexdigest(), png
