"""What a reader's program sees in a PDF: poppler's pdftotext and pdftoppm."""

import io
import subprocess
from collections.abc import Iterable

from PIL import Image


def text_of(pdf: bytes, *options: str) -> str:
    """The text layer."""
    return subprocess.run(["pdftotext", *options, "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()


def squeezed(text: str) -> str:
    """Without white space, also of no width: how a line is broken is the layout's business."""
    return "".join(text.replace("\u200b", "").split())


def missing_from(pdf: bytes, wanted: Iterable[str]) -> list[str]:
    """Which of these texts are not in the PDF's."""
    there = squeezed(text_of(pdf))
    return [text for text in wanted if squeezed(text) not in there]


def picture_of(pdf: bytes, *, page: int = 1, dots_per_inch: int = 100) -> Image.Image:
    """A page as a picture."""
    command = ["pdftoppm", "-png", "-r", str(dots_per_inch), "-f", str(page), "-l", str(page), "-singlefile", "-"]
    png = subprocess.run(command, input=pdf, capture_output=True, check=True).stdout
    return Image.open(io.BytesIO(png)).convert("RGB")
