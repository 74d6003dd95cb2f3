"""Cleans an uploaded logo: the output is always a small PNG that we drew ourselves."""

import hashlib

from shared.contracts.errors import Invalid, TooLarge
from shared.web.images import BadImage, Wanted, drawn_anew, kind_of
from shared.web.settings import WebSettings

MAX_UPLOAD_BYTES = 1_000_000
MAX_SIDE_PIXELS = 4_000
PRINTED_PIXELS = (720, 240)  # 18 mm high at 300 dpi, and as wide as the head of a page has room for
HEAD_BYTES = 16


async def cleaned_logo(settings: WebSettings, upload: bytes) -> tuple[str, bytes]:
    """SHA-256 and bytes of the logo as it will be printed; redrawn in a confined process (shared/web/images.py).

    The type is taken from the content, never from a name or header. Redrawing drops metadata, trailing archives and everything
    else that is not the picture. Raises TooLarge `logo_too_large`, Invalid `logo_type`, `heic_not_taken`, `logo_unreadable`.
    """
    if len(upload) > MAX_UPLOAD_BYTES:
        raise TooLarge("logo_too_large", f"A logo can have at most {MAX_UPLOAD_BYTES // 1000} kB.")
    kind = kind_of(upload[:HEAD_BYTES])
    if kind not in ("PNG", "JPEG"):
        raise Invalid("logo_type", "Send a PNG or a JPEG.")
    pixels = MAX_SIDE_PIXELS**2
    wanted = Wanted(kind, "PNG", MAX_SIDE_PIXELS, pixels, pixels, MAX_UPLOAD_BYTES, fit=PRINTED_PIXELS, optimize=True)
    try:
        png = await drawn_anew(settings, upload, wanted)
    except BadImage as bad:
        if bad.reason == "too_large":
            raise TooLarge("logo_too_large", f"A logo can be at most {MAX_SIDE_PIXELS} pixels wide and high.") from bad
        raise Invalid("logo_unreadable", f"The file claims to be a {kind} but cannot be decoded as one.") from bad
    return hashlib.sha256(png).hexdigest(), png
