"""Checks that an uploaded file is of an accepted type, by its content alone; images are decoded and re-encoded.

Re-encoding (in a confined process: shared/web/images.py) drops EXIF (places, owners) and anything appended or hidden: every stored
image was written by us. A PDF cannot be re-encoded; it must begin and end like a PDF, and is only ever served as a download in a sandbox.
"""

import asyncio
from functools import lru_cache
from pathlib import Path
from typing import IO, Literal, NamedTuple

from services.refunds.settings import RefundsEnvironment
from shared.contracts.errors import Invalid
from shared.data.shares import Rules, Shares
from shared.web.images import BadImage, Kind, Wanted, drawn_anew, kind_of

MediaType = Literal["image/jpeg", "image/png", "image/webp", "application/pdf"]

PDF: MediaType = "application/pdf"
TYPES: dict[Kind, MediaType] = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
EXTENSIONS: dict[MediaType, str] = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "application/pdf": "pdf"}
HEAD_BYTES = 16
PDF_END_WITHIN_BYTES = 1_024
MAX_NAME_CHARACTERS = 100
UPLOADS_AT_ONCE = 4
"""Uploads of a process that are checked and stored at the same time: each costs the event loop itself some milliseconds."""
WAIT_SECONDS = 20.0
GROWS_AT_MOST = 4  # times the upload limit: re-encoding may make an image larger, within bounds


class Checked(NamedTuple):
    """A file that passed the check; `path` is the version to store."""

    media_type: MediaType
    path: Path


def turns(settings: RefundsEnvironment) -> Shares:
    """The turns of this process's uploads, which stores and their callers take by fair shares."""
    return _turns(settings.share_part_percent / 100, settings.share_queue)


@lru_cache(maxsize=4)
def _turns(part: float, queue: int) -> Shares:
    return Shares("refunds.uploads", Rules(UPLOADS_AT_ONCE, headroom=1, part=part, queue=queue), wait_seconds=WAIT_SECONDS, what="uploads")


async def check(source: IO[bytes], folder: Path, settings: RefundsEnvironment) -> Checked:
    """Read `source` and write the version to store into `folder`.

    Raises Invalid `file_type_not_allowed`, `file_unreadable`, `image_too_large`; StoreBusy, Unavailable.
    """
    kind = sniff(source)
    media_type = TYPES[kind] if kind else PDF
    target = folder / f"checked.{EXTENSIONS[media_type]}"
    if kind is None:
        await asyncio.to_thread(_copy_pdf, source, target)
    else:
        content = await asyncio.to_thread(source.read)
        await asyncio.to_thread(target.write_bytes, await _encoded_anew(content, kind, settings))
    return Checked(media_type, target)


def sniff(source: IO[bytes]) -> Kind | None:
    """The kind of image, from the first bytes; None for a PDF. Raises Invalid `file_type_not_allowed`."""
    source.seek(0)
    head = source.read(HEAD_BYTES)
    source.seek(0)
    kind = kind_of(head)
    if kind is None and not head.startswith(b"%PDF-"):
        raise Invalid("file_type_not_allowed", "Send a JPEG, PNG, WebP or PDF; the content counts, not the name.")
    return kind


def max_pixels(kind: Kind, settings: RefundsEnvironment) -> int:
    """The maximum pixels of an image: many for a JPEG, which is reduced while decoding; half for a WebP, which takes twice the memory."""
    limits = {"JPEG": settings.image_max_jpeg_pixels, "PNG": settings.attachment_max_pixels, "WEBP": settings.attachment_max_pixels // 2}
    return limits[kind]


def plain_name(name: str, media_type: MediaType) -> str:
    """A name for display and saving: the last part of `name`, without control characters, with the extension of the true type."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(character for character in last if character.isprintable()).strip(" .")
    stem = printable.rsplit(".", 1)[0][:MAX_NAME_CHARACTERS].strip(" .") or "file"
    return f"{stem}.{EXTENSIONS[media_type]}"


async def _encoded_anew(content: bytes, kind: Kind, settings: RefundsEnvironment) -> bytes:
    pixels, side = max_pixels(kind, settings), settings.image_max_side_pixels
    wanted = Wanted(
        kind=kind,
        save_as=kind,
        max_side=side,
        max_pixels=min(pixels, settings.attachment_max_pixels),
        max_jpeg_pixels=pixels,
        max_bytes=GROWS_AT_MOST * settings.attachment_max_bytes,
    )
    try:
        return await drawn_anew(settings, content, wanted)
    except BadImage as bad:
        if bad.reason == "unreadable":
            raise Invalid("file_unreadable", "The image is incomplete or damaged.") from bad
        most = f"{max(1, pixels // 1_000_000)} million pixels, and {side} on each side"
        raise Invalid("image_too_large", f"An image of this type can have at most {most}; send a smaller one.", **bad.sides) from bad


def _copy_pdf(source: IO[bytes], target: Path) -> None:
    with target.open("wb") as out:
        while block := source.read(65_536):
            out.write(block)
    with target.open("rb") as written:
        written.seek(max(0, target.stat().st_size - PDF_END_WITHIN_BYTES))
        if b"%%EOF" not in written.read():
            raise Invalid("file_unreadable", "The PDF is incomplete, or data was appended to it.")
