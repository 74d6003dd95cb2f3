"""What an uploaded file may be: decided by its content alone, and images come out written by us."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from services.refunds.files.check import check, plain_name
from services.refunds.settings import RefundsEnvironment
from shared.contracts.errors import Invalid
from shared.web import confined
from shared.web.images import decoders
from tests.services.refunds.pictures import PLACE, pdf, picture, polyglot, zip_bomb_png

SETTINGS = RefundsEnvironment.model_construct(service="refunds", image_deadline_seconds=300.0)  # of a busy machine too


def jpeg(size: tuple[int, int], **options: Any) -> bytes:
    """A flat photograph."""
    out = io.BytesIO()
    Image.new("RGB", size, (90, 80, 70)).save(out, "JPEG", **options)
    return out.getvalue()


def flat_png(width: int, height: int) -> bytes:
    """A picture of one bit a pixel: 25 million of them are a few kilobytes."""
    out = io.BytesIO()
    Image.new("1", (width, height)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (picture("JPEG"), "image/jpeg"),
        (picture("PNG"), "image/png"),
        (picture("WEBP"), "image/webp"),
        (pdf(), "application/pdf"),
    ],
)
async def test_what_is_taken(content: bytes, media_type: str, tmp_path: Path) -> None:
    checked = await check(io.BytesIO(content), tmp_path, SETTINGS)
    assert checked.media_type == media_type
    assert PLACE not in checked.path.read_bytes()
    if media_type != "application/pdf":
        assert PLACE in content
        assert Image.open(checked.path).size == (40, 30)
        assert dict(Image.open(checked.path).getexif()) == {}


async def test_a_polyglot_comes_out_as_an_image_alone(tmp_path: Path) -> None:
    checked = await check(io.BytesIO(polyglot()), tmp_path, SETTINGS)
    assert b"<script>" not in checked.path.read_bytes()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file_type_not_allowed"),
        (b"GIF89a" + bytes(50), "file_type_not_allowed"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "file_type_not_allowed"),
        (b"PK\x03\x04" + bytes(50), "file_type_not_allowed"),
        (b"\x00" * 4 + pdf(), "file_type_not_allowed"),
        (picture("JPEG")[:200], "file_unreadable"),
        (picture("PNG")[:60], "file_unreadable"),
        (b"\xff\xd8\xff" + b"not a jpeg at all", "file_unreadable"),
        (b"RIFF\x00\x00\x00\x00WEBP" + bytes(20), "file_unreadable"),
        (b"%PDF-1.7 cut off", "file_unreadable"),
        (pdf() + b"PK\x03\x04" + bytes(2_000), "file_unreadable"),
        (zip_bomb_png(), "image_too_large"),
        (zip_bomb_png(5_001), "image_too_large"),
        (flat_png(1, 20_001), "image_too_large"),
        (jpeg((20_001, 8)), "image_too_large"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "heic_not_taken"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00", "heic_not_taken"),
        (b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00", "file_type_not_allowed"),
    ],
)
async def test_what_is_refused(content: bytes, code: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        await check(io.BytesIO(content), tmp_path, SETTINGS)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        ((4_000, 3_000), (4_000, 3_000)),
        ((8_160, 6_120), (4_080, 3_060)),
        ((16_320, 12_240), (4_080, 3_060)),  # a phone of 200 megapixels
    ],
)
async def test_a_photograph_is_reduced_while_it_is_decoded(size: tuple[int, int], kept: tuple[int, int], tmp_path: Path) -> None:
    checked = await check(io.BytesIO(jpeg(size)), tmp_path, SETTINGS)
    assert Image.open(checked.path).size == kept


async def test_a_photograph_that_lies_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    checked = await check(io.BytesIO(jpeg((40, 30), exif=exif)), tmp_path, SETTINGS)
    assert Image.open(checked.path).size == (30, 40)
    assert dict(Image.open(checked.path).getexif()) == {}


async def test_what_a_decoder_may_not_take_ends_the_decoder_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too slow, or too much for its memory: this picture is refused, the next one is drawn by another process."""
    small = SETTINGS.model_copy(update={"image_memory_mb": 128})
    with pytest.raises(Invalid) as refused:
        await check(io.BytesIO(jpeg((9_000, 9_000), progressive=True)), tmp_path, small)
    assert refused.value.code == "image_too_large"
    assert refused.value.facts == {"width": 9_000, "height": 9_000}
    slow = SETTINGS.model_copy(update={"image_deadline_seconds": 60.0, "image_memory_mb": 513})
    assert (await check(io.BytesIO(flat_png(5_000, 5_000)), tmp_path, slow)).media_type == "image/png"
    decoders(slow).deadline_seconds = 0.0
    monkeypatch.setattr(confined, "LOOK_SECONDS", 0.0)  # a quick machine would be done before the first look
    with pytest.raises(Invalid) as late:
        await check(io.BytesIO(flat_png(5_000, 5_000)), tmp_path, slow)
    monkeypatch.undo()
    assert late.value.code == "image_too_large"
    decoders(slow).deadline_seconds = 60.0
    assert (await check(io.BytesIO(picture("PNG")), tmp_path, slow)).media_type == "image/png"
    for settings in (small, slow, SETTINGS):
        await decoders(settings).close()
        assert decoders(settings).shares.used == 0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hole.jpeg", "hole.jpg"),
        ("../../etc/passwd", "passwd.jpg"),
        ("..\\..\\windows\\evil.exe", "evil.jpg"),
        ("a\x00b\r\nSet-Cookie: x.png", "abSet-Cookie: x.jpg"),
        ("", "file.jpg"),
        (".htaccess", "htaccess.jpg"),
        ("ছবি.jpg", "ছবি.jpg"),
        ("x" * 300 + ".jpg", "x" * 100 + ".jpg"),
    ],
)
def test_a_name_is_only_a_name(name: str, expected: str) -> None:
    assert plain_name(name, "image/jpeg") == expected
