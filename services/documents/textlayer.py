"""Repairs the text layer of a typst PDF for scripts whose clusters are drawn as several glyphs.

typst maps every glyph of a Bengali cluster to the cluster's whole text, and relies on an ActualText span to say it once. A
cluster whose marks sit above or below the line is drawn in several pieces, which no span holds together: then readers and
searches find the cluster two or three times. Here only the first glyph of a cluster keeps the text, and no span repeats it.
The change is an incremental update at the end of the file, as PDF defines it: new streams, a new cross-reference section.
"""

import re
import zlib

_TO_UNICODE = re.compile(rb"/ToUnicode (\d+) 0 R")
_CONTENTS = re.compile(rb"/Contents (\d+) 0 R")
_SPAN = re.compile(rb"/Span<</ActualText<FEFF[0-9A-F]{5,}>>>BDC")  # of two characters or more
_MAPPING = re.compile(rb"<([0-9A-F]{4})> <([0-9A-F]+)>\n")
_START = re.compile(rb"startxref\s+(\d+)\s+%%EOF\s*$")
_TRAILER = re.compile(rb"trailer\s*<<(.*?)>>\s*startxref", re.DOTALL)
_STREAM = re.compile(rb"\d+ 0 obj\s*<<(.*?)>>\s*stream\r?\n", re.DOTALL)


def repaired(pdf: bytes) -> bytes:
    """`pdf` with each cluster's text said once; unchanged where there is nothing to repair.

    Raises ValueError for a file that is not laid out as typst lays them out.
    """
    start, trailer = _START.search(pdf), _TRAILER.search(pdf)
    if start is None or trailer is None:
        raise ValueError("a PDF without a cross-reference table")
    changed: dict[int, bytes] = {}
    for reference, change in ((_TO_UNICODE, _once), (_CONTENTS, _unspanned)):
        for number in sorted({int(found[1]) for found in reference.finditer(pdf)}):
            before = _stream_of(pdf, number)
            after = change(before)
            if after != before:
                changed[number] = after
    return _updated(pdf, changed, previous=int(start[1]), trailer=trailer[1]) if changed else pdf


def _stream_of(pdf: bytes, number: int) -> bytes:
    begin = pdf.find(b"\n%d 0 obj" % number)
    header = _STREAM.match(pdf, begin + 1) if begin >= 0 else None
    if header is None:
        raise ValueError(f"object {number} is not a stream")
    length = re.search(rb"/Length (\d+)", header[1])
    if length is None:
        raise ValueError(f"stream {number} has no length")
    data = pdf[header.end() : header.end() + int(length[1])]
    return zlib.decompress(data) if b"/FlateDecode" in header[1] else data


def _once(cmap: bytes) -> bytes:
    """The character map in which, of glyphs that stand for the same several characters, only the first keeps them.

    Glyphs are numbered in the order of their first use, so that the first of a cluster has the lowest number. A single
    character that several glyphs stand for (the same letter in two shapes) is not a cluster and stays.
    """
    seen: set[bytes] = set()

    def keep(found: re.Match[bytes]) -> bytes:
        code, text = found[1], found[2]
        if len(text) <= 4:
            return found[0]
        if text in seen:
            return b"<%s> <>\n" % code
        seen.add(text)
        return found[0]

    return _MAPPING.sub(keep, cmap)


def _unspanned(content: bytes) -> bytes:
    """The page without the spans that say a cluster's text again; their glyphs' own mapping says it now."""
    return _SPAN.sub(b"/Span BMC", content)


def _updated(pdf: bytes, changed: dict[int, bytes], *, previous: int, trailer: bytes) -> bytes:
    """An incremental update (ISO 32000-1, 7.5.6): the new objects, their cross-references, and where the old ones are."""
    body = bytearray(pdf if pdf.endswith(b"\n") else pdf + b"\n")
    offsets = {}
    for number, data in changed.items():
        packed = zlib.compress(data, 9)
        offsets[number] = len(body)
        body += b"%d 0 obj\n<</Filter/FlateDecode/Length %d>>\nstream\n%s\nendstream\nendobj\n" % (number, len(packed), packed)
    xref = len(body)
    body += b"xref\n"
    for number, offset in offsets.items():
        body += b"%d 1\n%010d 00000 n \n" % (number, offset)
    body += b"trailer\n<<%s/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (trailer, previous, xref)
    return bytes(body)
