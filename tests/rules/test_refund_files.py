"""What an uploaded file may be: decided by its content alone, and images come out written by us."""

import io
from pathlib import Path

import pytest
from PIL import Image

from services.refunds.file_check import check, plain_name
from shared.errors import Invalid
from tests.services.refunds.pictures import PLACE, pdf, picture, polyglot, zip_bomb_png

PIXELS = 25_000_000


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (picture("JPEG"), "image/jpeg"),
        (picture("PNG"), "image/png"),
        (picture("WEBP"), "image/webp"),
        (pdf(), "application/pdf"),
    ],
)
def test_what_is_taken(content: bytes, media_type: str, tmp_path: Path) -> None:
    checked = check(io.BytesIO(content), tmp_path, PIXELS)
    assert checked.media_type == media_type
    assert PLACE not in checked.path.read_bytes()
    if media_type != "application/pdf":
        assert PLACE in content
        assert Image.open(checked.path).size == (40, 30)
        assert dict(Image.open(checked.path).getexif()) == {}


def test_a_polyglot_comes_out_as_an_image_alone(tmp_path: Path) -> None:
    checked = check(io.BytesIO(polyglot()), tmp_path, PIXELS)
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
    ],
)
def test_what_is_refused(content: bytes, code: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        check(io.BytesIO(content), tmp_path, PIXELS)
    assert refused.value.code == code


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
