"""Which fonts a view needs beside those of its language, and which of its characters no font has.

A character that no font has is printed as its code, `[U+1F600]`, never as a box. Fallback fonts are looked for in the folders of the
setting `font_folders`, in the package `aftersale-fonts`, and where this machine keeps its fonts; Noto fonts are preferred to others.
"""

import hashlib
import os
import struct
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

import structlog
import typst
from fontTools.ttLib import TTFont, TTLibError

log = structlog.get_logger()

OURS = Path(__file__).parent / "fonts"
PACKAGE = "aftersale_fonts"
IN_A_CLONE = Path(__file__).resolve().parents[3] / "kit" / "fonts" / PACKAGE
OF_THE_MACHINE = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts", "/Library/Fonts")
LOOK_AGAIN_SECONDS = 10.0
"""A view that lacks a font finds one that was installed since, but the folders are read no more often than this."""

REGULAR = 400
_NOT_TEXT = frozenset({"template", "language", "direction", "fonts", "scale", "paper", "logo"})
_JOINER = "\u200d"
_DRAWN = frozenset({*range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD})  # format characters with a shape
_KANA, _HANGUL = range(0x3040, 0x3100), range(0xAC00, 0xD7A4)


@dataclass(frozen=True)
class Face:
    """A family, and the file that has its regular weight."""

    family: str
    path: Path
    index: int

    @cached_property
    def covers(self) -> frozenset[int]:
        """The code points that it has glyphs for; none if the file cannot be read.

        The engine cannot say: it tells only that "a" glyph was missing, after it has drawn a box.
        """
        try:
            with TTFont(self.path, fontNumber=self.index, lazy=True) as font:
                return frozenset(code for code, glyph in (font.getBestCmap() or {}).items() if glyph != ".notdef")
        except (OSError, TTLibError, ValueError, KeyError, struct.error) as error:
            log.warning("font_not_read", path=str(self.path), error=str(error))
            return frozenset()

    def has(self, text: str) -> bool:
        """Whether it has a glyph for each character that is drawn."""
        return all(ord(one) in self.covers for one in text if not _draws_nothing(one))


@dataclass(frozen=True, slots=True)
class Fitted:
    """A view that prints without a box, where its fonts are, and the characters that no font has, as `U+1F600`."""

    view: dict[str, Any]
    shelf: "Shelf"
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Shelf:
    """The fonts of some folders as they were at one moment; `stamp` is another when they have changed."""

    folders: tuple[str, ...]
    stamp: str
    faces: dict[str, Face]
    _ranked: dict[tuple[str, ...], list[Face]] = field(default_factory=dict)

    @classmethod
    def of(cls, where: tuple[str, ...]) -> "Shelf":
        """What is in these folders now."""
        faces: dict[str, tuple[tuple[bool, int], Face]] = {}
        for font in fonts_in(where).fonts():
            if font.path and font.style == "normal":
                face = Face(font.family, Path(font.path), font.index)
                rank = (not face.path.is_relative_to(OURS), abs(font.weight - REGULAR))
                if font.family not in faces or rank < faces[font.family][0]:
                    faces[font.family] = rank, face
        files = sorted((str(face.path), face.path.stat().st_mtime_ns) for _, face in faces.values())
        stamp = hashlib.sha256(repr((where, files)).encode()).hexdigest()
        return cls(where, stamp, {family: face for family, (_, face) in faces.items()})

    def fallbacks(self, preferred: tuple[str, ...]) -> list[Face]:
        """Every font, in the order in which they are tried; `preferred` are the ends of the names of Han fonts."""
        if preferred not in self._ranked:
            self._ranked[preferred] = sorted(self.faces.values(), key=lambda face: _rank(face.family, preferred))
        return self._ranked[preferred]


class FontBook:
    """The fonts that views are fitted with."""

    def __init__(self, look_in: Callable[[], tuple[str, ...]]) -> None:
        self._look_in = look_in
        self._looking = Lock()
        self._looked = monotonic()
        self._shelf = Shelf.of(look_in())

    def fitted(self, view: dict[str, Any]) -> Fitted:
        """The view with the fonts that it needs; what no font has is replaced by its code."""
        fitted = _fit(view, self._shelf)
        if fitted.missing and self._found_more():
            fitted = _fit(view, self._shelf)
        return fitted

    def _found_more(self) -> bool:
        """Look into the folders again, unless that was done just now. Returns whether something has changed."""
        with self._looking:
            if monotonic() - self._looked < LOOK_AGAIN_SECONDS:
                return False
            found, self._looked = Shelf.of(self._look_in()), monotonic()
            changed = found.stamp != self._shelf.stamp
            if changed:
                self._shelf = found
            return changed


@lru_cache(maxsize=8)
def font_book(extra_folders: str) -> FontBook:
    """The fonts of this process. `extra_folders`: separated as in PATH."""
    return FontBook(lambda: folders(extra_folders))


def folders(extra: str = "") -> tuple[str, ...]:
    """Where fonts are looked for, ours first: of two that are equal the engine takes the first."""
    package = find_spec(PACKAGE)
    packaged = list(package.submodule_search_locations or ()) if package else [str(IN_A_CLONE)]
    wanted = [str(OURS), *(one for one in extra.split(os.pathsep) if one), *packaged, *OF_THE_MACHINE]
    there = [path for path in (Path(one).expanduser() for one in wanted) if path.is_dir()]
    return tuple(dict.fromkeys(str(path) for path in there))


def fonts_in(where: Iterable[str]) -> typst.Fonts:
    """The engine's list of the fonts in these folders."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=list(where))


def _rank(family: str, preferred: tuple[str, ...]) -> tuple[int, int, str]:
    """Sans before serif, Noto before others, pictures in colour last: a printer has one colour."""
    han = next((place for place, name in enumerate(preferred) if family.endswith(f" {name}")), len(preferred))
    if "Color" in family or "Colour" in family:
        return 4, han, family
    if family.startswith(("Noto Sans Symbols", "Noto Sans Math", "Noto Emoji", "Noto Music")):
        return 1, han, family
    if family.startswith("Noto Sans"):
        return 0, han, family
    return (2 if family.startswith("Noto") else 3), han, family


def _fit(view: dict[str, Any], shelf: Shelf) -> Fitted:
    texts = {text for name, part in view.items() if name not in _NOT_TEXT for text in _strings(part)}
    fitting = _Fitting(shelf, [shelf.faces[name] for name in view["fonts"] if name in shelf.faces], _han_of(texts))
    changed = {text: fitted for text in texts if (fitted := fitting.of(text)) != text}
    fonts = [face.family for face in fitting.used]
    if changed or fonts != view["fonts"]:
        kept = {name: part if name in _NOT_TEXT else _replaced(part, changed) for name, part in view.items()}
        view = {**kept, "fonts": fonts or view["fonts"]}
    return Fitted(view, shelf, tuple(f"U+{code:04X}" for code in sorted(fitting.missing)))


def _han_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Which country's shapes Han letters get: where kana or Hangul is written, that country's."""
    codes = {ord(one) for text in texts for one in text}
    first = "JP" if any(code in _KANA for code in codes) else "KR" if any(code in _HANGUL for code in codes) else "SC"
    return tuple(dict.fromkeys((first, "SC", "TC", "HK", "JP", "KR")))


@dataclass
class _Fitting:
    """The work on one view: the fonts used so far, those of the language first, and what is missing."""

    shelf: Shelf
    used: list[Face]
    preferred: tuple[str, ...]
    missing: set[int] = field(default_factory=set)
    known: dict[str, str] = field(default_factory=dict)  # a cluster and what is printed for it

    def of(self, text: str) -> str:
        """`text` with what no font has replaced by its code."""
        if self.used and all(ord(one) in self.used[0].covers for one in set(text)):
            return text
        return "".join(self._cluster(cluster) for cluster in _clusters(text))

    def _cluster(self, cluster: str) -> str:
        if cluster not in self.known:
            self.known[cluster] = cluster if self._has(cluster) else self._in_parts(cluster)
        return self.known[cluster]

    def _has(self, text: str) -> bool:
        """Whether one font has all of it; that font is then used. A letter and its marks cannot come from two."""
        if any(face.has(text) for face in self.used):
            return True
        found = next((face for face in self.shelf.fallbacks(self.preferred) if face.has(text)), None)
        if found is not None:
            self.used.append(found)
        return found is not None

    def _in_parts(self, cluster: str) -> str:
        """As much of a cluster as one font has, and the codes of the rest."""
        shown, last = "", ""  # `last`: what a mark can be put on
        for one in cluster:
            is_mark = unicodedata.category(one)[0] == "M"
            if _draws_nothing(one):
                shown += "" if one == _JOINER else one
            elif unicodedata.category(one) == "Zs":
                shown, last = shown + " ", ""
            elif self._has(last + one) if is_mark and last else not is_mark and self._has(one):
                shown, last = shown + one, last + one if is_mark else one
            else:
                self.missing.add(ord(one))
                shown, last = f"{shown}[U+{ord(one):04X}]", ""
        return shown


def _clusters(text: str) -> Iterator[str]:
    """Letters with their marks, and pictures that are joined into one."""
    cluster = ""
    for one in text:
        if cluster and (unicodedata.category(one)[0] == "M" or _draws_nothing(one) or cluster.endswith(_JOINER)):
            cluster += one
            continue
        if cluster:
            yield cluster
        cluster = one
    if cluster:
        yield cluster


@lru_cache(maxsize=4096)
def _draws_nothing(one: str) -> bool:
    """Joiners, variation selectors, places to break: a font needs no glyph for them."""
    code = ord(one)
    if unicodedata.category(one) == "Cf":
        return code not in _DRAWN
    return 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF or code == 0x034F


def _strings(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for one in part.values():
            yield from _strings(one)
    elif isinstance(part, list | tuple):
        for one in part:
            yield from _strings(one)


def _replaced(part: Any, changed: dict[str, str]) -> Any:
    if isinstance(part, str):
        return changed.get(part, part)
    if isinstance(part, dict):
        return {name: _replaced(one, changed) for name, one in part.items()}
    if isinstance(part, list | tuple):
        return [_replaced(one, changed) for one in part]
    return part
