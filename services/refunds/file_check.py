"""Whether an uploaded file is what we take, by its content alone; images come out decoded and encoded anew.

Encoding anew drops EXIF (places, owners) and whatever was appended or hidden: what is stored was written by us. A PDF cannot be
encoded anew; it must begin and end as one, and is only ever served as a download in a sandbox.
"""

from pathlib import Path
from typing import IO, Literal, NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError

from shared.errors import Invalid

MediaType = Literal["image/jpeg", "image/png", "image/webp", "application/pdf"]

FORMATS: dict[MediaType, str] = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
EXTENSIONS: dict[MediaType, str] = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "application/pdf": "pdf"}
HEAD_BYTES = 16
PDF_END_WITHIN_BYTES = 1_024
MAX_NAME_CHARACTERS = 100


class Checked(NamedTuple):
    """A file that may be stored: `path` is the file to store."""

    media_type: MediaType
    path: Path


def check(source: IO[bytes], folder: Path, max_pixels: int) -> Checked:
    """Read `source` and write what may be stored into `folder`. Blocks: call it in a thread.

    Raises Invalid `file_type_not_allowed`, `file_unreadable`, `image_too_large`.
    """
    media_type = sniff(source)
    target = folder / f"checked.{EXTENSIONS[media_type]}"
    if media_type == "application/pdf":
        _copy_pdf(source, target)
    else:
        _encode_anew(source, target, FORMATS[media_type], max_pixels)
    return Checked(media_type, target)


def sniff(source: IO[bytes]) -> MediaType:
    """The type that the first bytes say. Raises Invalid `file_type_not_allowed` for any other."""
    source.seek(0)
    head = source.read(HEAD_BYTES)
    source.seek(0)
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(b"%PDF-"):
        return "application/pdf"
    raise Invalid("file_type_not_allowed", "Send a JPEG, PNG, WebP or PDF; the content decides, not the name.")


def plain_name(name: str, media_type: MediaType) -> str:
    """A name to show and to save under: its last part without control characters, with the extension of its true type."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(character for character in last if character.isprintable()).strip(" .")
    stem = printable.rsplit(".", 1)[0][:MAX_NAME_CHARACTERS].strip(" .") or "file"
    return f"{stem}.{EXTENSIONS[media_type]}"


def _encode_anew(source: IO[bytes], target: Path, kind: str, max_pixels: int) -> None:
    try:
        with Image.open(source, formats=[kind]) as image:
            if image.width * image.height > max_pixels:
                raise Invalid("image_too_large", f"An image has at most {max_pixels} pixels.", width=image.width, height=image.height)
            upright = ImageOps.exif_transpose(image)
            plain = upright.convert("RGB" if kind == "JPEG" else "RGBA")
            plain.info.clear()
            plain.save(target, kind)
    except Image.DecompressionBombError as error:  # Pillow's own limit, before it tells the size
        raise Invalid("image_too_large", f"An image has at most {max_pixels} pixels.") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, MemoryError) as error:
        raise Invalid("file_unreadable", "The image is cut off or broken.") from error


def _copy_pdf(source: IO[bytes], target: Path) -> None:
    with target.open("wb") as out:
        while block := source.read(65_536):
            out.write(block)
    with target.open("rb") as written:
        written.seek(max(0, target.stat().st_size - PDF_END_WITHIN_BYTES))
        if b"%%EOF" not in written.read():
            raise Invalid("file_unreadable", "The PDF is cut off, or something is appended to it.")
