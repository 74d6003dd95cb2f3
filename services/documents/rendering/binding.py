"""Binds PDFs of our engine into one, page after page, while it is sent: memory holds one of them, and where each object begins.

Only what the pages need is taken: their fonts, pictures and contents. What is drawn does not change by a byte. What describes a
document as a whole stays behind (its tags, its metadata), because one file cannot have that of many.

The PDF libraries that we know build the whole file in memory before its first byte: 200 orders would be hundreds of megabytes in a service
that answers others meanwhile.
"""

import re
from dataclasses import dataclass, field

_STRING = rb"\((?:\\.|[^\\()]|\((?:\\.|[^\\()]|\((?:\\.|[^\\()])*\))*\))*\)"
_REFERENCE = re.compile(_STRING + rb"|<[0-9A-Fa-f]+>|(?<![\d.])(\d+) 0 R\b", re.DOTALL)
_START = re.compile(rb"startxref\s+(\d+)\s+%%EOF\s*$")
_PREVIOUS = re.compile(rb"/Prev (\d+)")
_ROOT = re.compile(rb"/Root (\d+) 0 R")
_PAGES = re.compile(rb"/Pages (\d+) 0 R")
_KIDS = re.compile(rb"/Kids\s*\[([^\]]*)\]")
_NUMBER = re.compile(rb"(\d+) 0 R")
_LENGTH = re.compile(rb"/Length (\d+)(?! \d+ R)")
_OF_A_WHOLE = re.compile(rb"/(?:StructParents?|Tabs)[ /]\w+")
_PARENT = re.compile(rb"/Parent (\d+) 0 R")
_STREAM = re.compile(rb">>\s*stream\r?\n")
_SECTION = re.compile(rb"(\d+) (\d+)\s+")
CATALOG, TREE, FIRST = 1, 2, 3


@dataclass(slots=True)
class Binder:
    """The file so far: its length, where each object begins, and its pages' numbers."""

    length: int = 0
    offsets: dict[int, int] = field(default_factory=dict)
    pages: list[int] = field(default_factory=list)
    _next: int = FIRST

    def head(self) -> bytes:
        """The head of the file."""
        return self._counted(b"%PDF-1.7\n%\x80\x80\x80\x80\n\n")

    def add(self, pdf: bytes) -> bytes:
        """The pages of `pdf`, and all that they need, as objects of this file. Raises ValueError for a PDF that is not our engine's."""
        objects, pages = _read(pdf)
        numbers: dict[int, int] = {}
        waiting, written = list(pages), bytearray()
        for page in pages:
            numbers[page] = self._number()
        while waiting:
            number = waiting.pop()
            head, stream = objects.get(number, (b"null", b""))
            if number in pages:
                head = _PARENT.sub(b"", _OF_A_WHOLE.sub(b"", head))
            for found in _REFERENCE.finditer(head):
                if found[1] and int(found[1]) not in numbers:
                    numbers[int(found[1])] = self._number()
                    waiting.append(int(found[1]))
            head = _REFERENCE.sub(lambda found: b"%d 0 R" % numbers[int(found[1])] if found[1] else found[0], head)
            if number in pages:
                head = head.replace(b"<<", b"<</Parent %d 0 R" % TREE, 1)
            self.offsets[numbers[number]] = self.length + len(written)
            written += b"%d 0 obj\n%s%s\nendobj\n\n" % (numbers[number], head, stream)
        self.pages += [numbers[page] for page in pages]
        return self._counted(bytes(written))

    def tail(self) -> bytes:
        """The page tree, the catalogue, and where everything is."""
        kids = b" ".join(b"%d 0 R" % page for page in self.pages)
        written = bytearray()
        for number, text in (
            (TREE, b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(self.pages), kids)),
            (CATALOG, b"<</Type/Catalog/Pages %d 0 R>>" % TREE),
        ):
            self.offsets[number] = self.length + len(written)
            written += b"%d 0 obj\n%s\nendobj\n\n" % (number, text)
        table = self.length + len(written)
        written += b"xref\n0 %d\n0000000000 65535 f \n" % self._next
        written += b"".join(b"%010d 00000 n \n" % self.offsets[number] for number in range(1, self._next))
        written += b"trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (self._next, CATALOG, table)
        return self._counted(bytes(written))

    def _number(self) -> int:
        self._next += 1
        return self._next - 1

    def _counted(self, written: bytes) -> bytes:
        self.length += len(written)
        return written


def _read(pdf: bytes) -> tuple[dict[int, tuple[bytes, bytes]], list[int]]:
    """Every object (its text, and its stream with the words around it), and the numbers of the pages in their order."""
    offsets, trailer = _offsets(pdf)
    objects = {number: _object(pdf, number, offset) for number, offset in offsets.items()}
    root = _ROOT.search(trailer)
    tree = _PAGES.search(objects[int(root[1])][0]) if root and int(root[1]) in objects else None
    if tree is None:
        raise ValueError("a PDF without pages")
    return objects, list(_leaves(objects, int(tree[1])))


def _leaves(objects: dict[int, tuple[bytes, bytes]], node: int) -> list[int]:
    """The pages below a node of the page tree."""
    kids = _KIDS.search(objects[node][0])
    if kids is None:
        return [node]
    return [leaf for kid in _NUMBER.findall(kids[1]) for leaf in _leaves(objects, int(kid))]


def _offsets(pdf: bytes) -> tuple[dict[int, int], bytes]:
    """Where each object begins, newest first along the chain of updates, and the newest trailer."""
    start = _START.search(pdf)
    if start is None:
        raise ValueError("a PDF without a cross-reference table")
    offsets: dict[int, int] = {}
    newest, at = b"", int(start[1])
    while True:
        end = pdf.find(b"startxref", at)
        table, _, trailer = pdf[at:end].partition(b"trailer")
        if not table.startswith(b"xref") or not trailer:
            raise ValueError("a PDF without a cross-reference table")
        newest = newest or trailer
        for number, offset in _entries(table):
            offsets.setdefault(number, offset)
        previous = _PREVIOUS.search(trailer)
        if previous is None:
            return offsets, newest
        at = int(previous[1])


def _entries(table: bytes) -> list[tuple[int, int]]:
    lines = table.split(b"\n")[1:]
    entries, at = [], 0
    while at < len(lines) and (section := _SECTION.match(lines[at] + b" ")):
        first, count = int(section[1]), int(section[2])
        for place, line in enumerate(lines[at + 1 : at + 1 + count]):
            if line[17:18] == b"n":
                entries.append((first + place, int(line[:10])))
        at += 1 + count
    return entries


def _object(pdf: bytes, number: int, offset: int) -> tuple[bytes, bytes]:
    begin = b"%d 0 obj" % number
    if pdf[offset : offset + len(begin)] != begin:
        raise ValueError(f"object {number} is not where the table says")
    body = offset + len(begin)
    end, stream = pdf.find(b"\nendobj", body), _STREAM.search(pdf, body)
    if stream is None or stream.start() > end:
        return pdf[body:end].strip(), b""
    head = pdf[body : stream.start() + 2].strip()
    length = _LENGTH.search(head)
    if length is None:
        raise ValueError(f"stream {number} has no length")
    return head, b"\nstream\n" + pdf[stream.end() : stream.end() + int(length[1])] + b"\nendstream"
