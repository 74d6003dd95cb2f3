"""What a reader's program sees in a PDF: poppler's pdftotext and pdftoppm."""

import io
import re
import subprocess
from collections.abc import Iterable
from typing import NamedTuple

from PIL import Image

PAGE = re.compile(r'<page width="([\d.]+)" height="([\d.]+)"')
WORD = re.compile(r'<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">(.*)</word>')
TOUCHING = 0.7  # points: letters beside each other may touch


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


class Box(NamedTuple):
    """A word on a page, in points from the upper left."""

    page: int
    left: float
    top: float
    right: float
    bottom: float
    word: str

    @property
    def core(self) -> tuple[float, float]:
        """The middle half of its height: lines stand closer than the height of a font, which has room for every accent."""
        quarter = (self.bottom - self.top) / 4
        return self.top + quarter, self.bottom - quarter

    def covers(self, other: "Box") -> bool:
        """Whether both print over each other."""
        (top, bottom), (others_top, others_bottom) = self.core, other.core
        return min(self.right, other.right) - max(self.left, other.left) > TOUCHING and min(bottom, others_bottom) > max(top, others_top)


def boxes_of(pdf: bytes) -> tuple[list[tuple[float, float]], list[Box]]:
    """Each page's width and height, and the box of every word."""
    pages, boxes = [], []
    for line in text_of(pdf, "-bbox").splitlines():
        if page := PAGE.search(line):
            pages.append((float(page[1]), float(page[2])))
        elif word := WORD.search(line):
            left, top, right, bottom = map(float, word.groups()[:4])
            boxes.append(Box(len(pages), left, top, right, bottom, word[5]))
    return pages, boxes


def overlapping(boxes: list[Box]) -> list[tuple[Box, Box]]:
    """Every two words that print over each other."""
    rows = sorted(boxes, key=lambda box: (box.page, box.top))
    found = []
    for at, one in enumerate(rows):
        for other in rows[at + 1 :]:
            if other.page != one.page or other.top > one.bottom:
                break
            if one.covers(other):
                found.append((one, other))
    return found


def off_the_paper(pages: list[tuple[float, float]], boxes: list[Box]) -> list[Box]:
    """Every word that is not wholly on its page."""
    return [
        box
        for box in boxes
        for width, height in (pages[box.page - 1],)
        if box.left < 0 or box.right > width or box.core[0] < 0 or box.core[1] > height
    ]
