"""Repairs the text layer of a typst PDF for scripts in which one cluster is drawn as several glyphs.

typst maps each glyph of a Bengali cluster to the text of the whole cluster, and puts a span (ActualText) around them that gives this
text once. But marks above or below the line are drawn as separate pieces without a common span, so copying and
searching find the cluster two or three times. Here only the piece on the base line keeps the text of its cluster, and the other pieces
get an empty span. What is drawn does not change. The repair is appended to the file as a PDF incremental update: new page contents
and a new cross-reference section.
"""

import re
import zlib
from collections import Counter
from dataclasses import dataclass, field

_PAGE = re.compile(rb"/Type/Page/Resources (\d+) 0 R[^\n]*?/Contents (\d+) 0 R")
_FONTS = re.compile(rb"/Font<<(.*?)>>")
_FONT = re.compile(rb"/(f\d+) (\d+) 0 R")
_TO_UNICODE = re.compile(rb"/ToUnicode (\d+) 0 R")
_MAPPING = re.compile(rb"<([0-9A-F]{4})> <([0-9A-F]+)>")
_LENGTH = re.compile(rb"/Length (\d+)")
_START = re.compile(rb"startxref\s+(\d+)\s+%%EOF\s*$")
_TRAILER = re.compile(rb"trailer\s*<<(.*?)>>\s*startxref", re.DOTALL)


def _nested(depth: int) -> bytes:
    """The pattern of a literal string, in which parentheses are escaped or balanced, nested at most `depth` deep."""
    inner = rb"|" + _nested(depth - 1) if depth else b""
    return rb"\((?:\\.|[^\\()]" + inner + rb")*\)"


_STRING = rb"(?:" + _nested(4) + rb"|<[0-9A-Fa-f]*>)"
_TOKEN = re.compile(
    rb"q 1 0 0 -1 [-\d.]+ (?P<height>[-\d.]+) cm"
    rb"|(?P<block>BT)"
    rb"|/(?P<font>f\d+) [\d.]+ Tf"
    rb"|(?P<span>/Span<</ActualText<FEFF(?P<said>[0-9A-F]*)>>>BDC)"
    rb"|(?P<open>BDC|BMC)|(?P<close>EMC)"
    rb"|(?P<show>(?:" + _STRING + rb"Tj|\[(?:" + _STRING + rb"|[^\[\]()<>])*\]TJ))",
    re.DOTALL,
)
_PART = re.compile(_STRING + rb"|[-\d.]+", re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_SILENT = b"/Span<</ActualText<FEFF>>>BDC "

Mapping = dict[bytes, bytes]  # two bytes of a glyph's code -> its text, UTF-16 in hexadecimal


def repaired(pdf: bytes) -> bytes:
    """`pdf` with the text of each cluster in it exactly once; unchanged if there is nothing to repair.

    Raises ValueError for a file without the structure that typst writes.
    """
    if _START.search(pdf) is None or _TRAILER.search(pdf) is None:
        raise ValueError("a PDF without a cross-reference table")
    mappings: dict[int, Mapping] = {}
    changed: dict[int, bytes] = {}
    for page in _PAGE.finditer(pdf):
        fonts = _fonts_of(pdf, int(page[1]), mappings)
        if any(_is_cluster(text) for mapping in fonts.values() for text in mapping.values()):
            before = stream_of(pdf, int(page[2]))
            after = _Contents(fonts).rewritten(before)
            if after != before:
                changed[int(page[2])] = after
    return appended(pdf, {number: _packed(data) for number, data in changed.items()}) if changed else pdf


def _is_cluster(text: bytes) -> bool:
    """Whether a glyph's text (hexadecimal UTF-16) may be drawn in pieces: combining characters, or a character of an Indic script."""
    if len(text) <= 4:
        return b"0900" <= text <= b"0DFF"
    return any(text[index : index + 4] >= b"0300" for index in range(0, len(text), 4))  # a Latin ligature is one glyph


def _fonts_of(pdf: bytes, resources: int, mappings: dict[int, Mapping]) -> dict[bytes, Mapping]:
    """The glyph-to-text mapping of each font name on a page; each font is read once."""
    named = _FONTS.search(object_of(pdf, resources))
    fonts: dict[bytes, Mapping] = {}
    for name, number in _FONT.findall(named[1]) if named else ():
        if int(number) not in mappings:
            reference = _TO_UNICODE.search(object_of(pdf, int(number)))
            cmap = stream_of(pdf, int(reference[1])) if reference else b""
            mappings[int(number)] = {bytes.fromhex(code.decode()): text for code, text in _MAPPING.findall(cmap)}
        fonts[name] = mappings[int(number)]
    return fonts


@dataclass(slots=True, eq=False)
class _Piece:
    """The glyphs that represent `text`: all glyphs of one span, or a single glyph outside any span. `height`: its position on the page."""

    text: bytes
    lead: tuple[int, bytes]  # font and code of its first glyph
    height: bytes
    opens_block: bool
    shown: bytes  # the bytes that draw it; for a span, those that open the span
    silent: bool = False


@dataclass(slots=True)
class _Contents:
    """One page's drawing operations, read from start to end into plain bytes and pieces."""

    fonts: dict[bytes, Mapping]
    font: Mapping = field(default_factory=dict)
    height: bytes = b""
    at_start: bool = True  # of a text block: a cluster continues only from the end of one block to the start of the next
    interrupted: bool = False  # text without clusters was drawn since the last piece
    marks: list[int | None] = field(default_factory=list)  # open marks; for a span that has drawn nothing yet, its index in `out`
    out: list[bytes | _Piece | list[bytes | _Piece]] = field(default_factory=list)  # an inner list is one show operation in parts
    pieces: list[_Piece] = field(default_factory=list)
    clustered: set[int] = field(default_factory=set)  # ids of the font mappings that have clusters
    glyphs: Counter[bytes] = field(default_factory=Counter)  # at each height: most glyphs of a line are on its base line

    def rewritten(self, contents: bytes) -> bytes:
        """The same drawing, in which only one piece of each cluster still carries its text."""
        self.clustered = {id(mapping) for mapping in self.fonts.values() if any(map(_is_cluster, mapping.values()))}
        at = 0
        for token in _TOKEN.finditer(contents):
            self.out.append(contents[at : token.start()])
            at = token.end()
            self._take(token)
        self.out.append(contents[at:])
        self._silence()
        return b"".join(_drawn(part) for part in self.out)

    def _take(self, token: re.Match[bytes]) -> None:
        if token["show"]:
            self._show(token["show"])
            return
        self.out.append(token[0])
        if token["height"]:
            self.height = token["height"]
        elif token["block"]:
            self.at_start = True
        elif token["font"]:
            self.font = self.fonts.get(token["font"], {})
        elif token["span"]:
            self.marks.append(len(self.out) - 1)
        elif token["open"]:
            self.marks.append(None)
        elif token["close"] and self.marks:
            self.marks.pop()

    def _show(self, show: bytes) -> None:
        """Handle a show operation: inside a span it belongs to the span's piece; outside any span each glyph is a piece."""
        span = next((mark for mark in reversed(self.marks) if mark is not None), None)  # a run from right to left is marked inside of it
        if span is None and id(self.font) not in self.clustered:
            self.out.append(show)
            self.at_start = False
            self.interrupted = True
            return
        parts = _PART.findall(show)
        if span is None:
            operation: list[bytes | _Piece] = []
            for part in parts:
                if part[:1] in b"(<":
                    operation += [self._piece(self.font.get(code, b""), code, b"<%s>" % code.hex().encode()) for code in _codes(part)]
                else:
                    operation.append(part)
            self.out += [operation]
            return
        opening = self.out[span]
        if isinstance(opening, bytes):  # its first glyphs
            said = _TOKEN.fullmatch(opening)
            code = next((_codes(part)[0] for part in parts if part[:1] in b"(<"), b"")
            self.out[span] = self._piece(said["said"] if said else b"", code, opening)
        self.out.append(show)

    def _piece(self, text: bytes, code: bytes, shown: bytes) -> _Piece:
        piece = _Piece(text, (id(self.font), code), self.height, self.at_start and not self.interrupted, shown)
        self.at_start = self.interrupted = False
        self.glyphs[self.height] += 1
        self.pieces.append(piece)
        return piece

    def _silence(self) -> None:
        """Keep the text of each cluster only on its piece on the base line."""
        cluster: list[_Piece] = []
        for piece in [*self.pieces, None]:
            if piece and cluster and piece.opens_block and piece.text == cluster[0].text and piece.lead != cluster[0].lead:
                cluster.append(piece)
                continue
            if len(cluster) > 1:
                keeper = max(cluster, key=lambda one: self.glyphs[one.height])
                for other in cluster:
                    other.silent = other is not keeper
            cluster = [piece] if piece and _is_cluster(piece.text) else []


def _drawn(part: bytes | _Piece | list[bytes | _Piece]) -> bytes:
    """The bytes of a part; a show operation is split at each silent piece, which gets an empty span."""
    if isinstance(part, bytes):
        return part
    if isinstance(part, _Piece):
        return _SILENT if part.silent else part.shown
    drawn, plain = b"", b""
    for one in part:
        if isinstance(one, _Piece) and one.silent:
            drawn += (b"[%s]TJ" % plain if plain else b"") + _SILENT + b"[%s]TJ EMC " % one.shown
            plain = b""
        else:
            plain += one.shown if isinstance(one, _Piece) else b" " + one + b" "
    return drawn + (b"[%s]TJ" % plain if plain else b"")


def _codes(string: bytes) -> list[bytes]:
    """The glyph codes (two bytes each) of a string, literal or hexadecimal."""

    def unescaped(found: re.Match[bytes]) -> bytes:
        body = found[1]
        return bytes([int(body, 8) & 0xFF]) if body[:1].isdigit() else _ESCAPED.get(body, body)

    plain = bytes.fromhex(string[1:-1].decode()) if string.startswith(b"<") else _ESCAPE.sub(unescaped, string[1:-1])
    return [plain[index : index + 2] for index in range(0, len(plain), 2)]


def object_of(pdf: bytes, number: int) -> bytes:
    """The text of an object up to its end or its stream."""
    begin = pdf.find(b"\n%d 0 obj\n" % number)
    if begin < 0:
        raise ValueError(f"there is no object {number}")
    ends = [end for end in (pdf.find(b"endobj", begin), pdf.find(b"stream", begin)) if end >= 0]
    return pdf[begin : min(ends)]


def stream_of(pdf: bytes, number: int) -> bytes:
    """The decoded stream of an object."""
    header = object_of(pdf, number)
    length = _LENGTH.search(header)
    if length is None:
        raise ValueError(f"stream {number} has no length")
    begin = pdf.find(b"stream", pdf.find(b"\n%d 0 obj\n" % number)) + len(b"stream")
    begin += 2 if pdf[begin : begin + 2] == b"\r\n" else 1
    data = pdf[begin : begin + int(length[1])]
    return zlib.decompress(data) if b"/FlateDecode" in header else data


def appended(pdf: bytes, changed: dict[int, bytes]) -> bytes:
    """An incremental update (ISO 32000-1, 7.5.6): the changed objects, their cross-references, and a pointer to the old ones.

    Raises ValueError for a file without a cross-reference table.
    """
    start, trailer = _START.search(pdf), _TRAILER.search(pdf)
    if start is None or trailer is None:
        raise ValueError("a PDF without a cross-reference table")
    body = bytearray(pdf if pdf.endswith(b"\n") else pdf + b"\n")
    offsets = {}
    for number, text in changed.items():
        offsets[number] = len(body)
        body += b"%d 0 obj\n%s\nendobj\n" % (number, text)
    xref = len(body)
    body += b"xref\n"
    for number, offset in offsets.items():
        body += b"%d 1\n%010d 00000 n \n" % (number, offset)
    body += b"trailer\n<<%s/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (trailer[1], int(start[1]), xref)
    return bytes(body)


def _packed(data: bytes) -> bytes:
    packed = zlib.compress(data)
    return b"<</Filter/FlateDecode/Length %d>>\nstream\n%s\nendstream" % (len(packed), packed)
