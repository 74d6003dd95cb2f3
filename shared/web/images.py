"""Images from outside: recognised by their first bytes, re-encoded in a confined process (shared/web/image_child.py)."""

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal

from shared.contracts.errors import Invalid
from shared.data.shares import Rules
from shared.web.confined import Broken, Confined, Confines, Died, Slow
from shared.web.confined_child import Refusal
from shared.web.settings import WebSettings

Kind = Literal["JPEG", "PNG", "WEBP"]
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
HEIC_DETAIL = 'HEIC pictures are not accepted: choose JPEG ("Most Compatible") in the camera\'s settings, or save the picture as JPEG.'
WAIT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """The limits of an image and how to save it. Sides are in pixels; a JPEG may have `max_jpeg_pixels` and is reduced to `max_pixels`."""

    kind: Kind
    save_as: Kind
    max_side: int
    max_pixels: int
    max_jpeg_pixels: int
    max_bytes: int
    fit: tuple[int, int] | None = None
    optimize: bool = False


class BadImage(Exception):  # noqa: N818  (describes the image)
    """The image is not accepted: `too_large` (with its sides, if they are known) or `unreadable`."""

    def __init__(self, reason: Literal["too_large", "unreadable"], width: int | None = None, height: int | None = None) -> None:
        self.reason = reason
        self.sides: dict[str, Any] = {} if width is None else {"width": width, "height": height}
        super().__init__(reason)


def kind_of(head: bytes) -> Kind | None:
    """The kind, from the first 16 bytes; None for a kind that is not accepted. Raises Invalid `heic_not_taken`."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS:
        raise Invalid("heic_not_taken", HEIC_DETAIL)
    return None


async def drawn_anew(settings: WebSettings, content: bytes, wanted: Wanted) -> bytes:
    """The image, re-encoded. Raises BadImage; StoreBusy and Unavailable if too many are being decoded or the machine is too busy."""
    question = json.dumps(asdict(wanted)).encode() + b"\n" + content
    try:
        return await decoders(settings).ask(question)
    except Refusal as refusal:
        raise BadImage("too_large" if refusal.code == "too_large" else "unreadable", **refusal.facts) from refusal
    except (Slow, Died) as over:
        raise BadImage("too_large") from over
    except Broken as broken:
        raise BadImage("unreadable") from broken


def decoders(settings: WebSettings) -> Confined:
    """The decoding processes of this process, shared by its services."""
    return _decoders(
        Confines(
            name="image_decoders",
            module="shared.web.image_child",
            what="pictures",
            rules=Rules(settings.image_processes, headroom=1, part=settings.share_part_percent / 100, queue=settings.share_queue),
            deadline_seconds=settings.image_deadline_seconds,
            memory_mb=settings.image_memory_mb,
            recycle_mb=settings.image_recycle_mb,
            wait_seconds=WAIT_SECONDS,
        )
    )


@lru_cache(maxsize=4)
def _decoders(confines: Confines) -> Confined:
    return Confined(confines)
