"""A font for tests: one character, whichever a test wants, with a shape that is borrowed from a font of the repository."""

from io import BytesIO
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables._c_m_a_p import CmapSubtable

from services.documents.rendering.fontbook import OURS

DONOR = OURS / "NotoSans-Regular.ttf"
SHAPE = "Q"


def font_with(character: str, family: str) -> bytes:
    """A TrueType file of this family whose only character is `character`, drawn like a Q."""
    with TTFont(DONOR) as font:
        subsetter = Subsetter(Options(name_IDs=["*"], layout_features=[]))
        subsetter.populate(text=SHAPE)
        subsetter.subset(font)
        whole_unicode = CmapSubtable.newSubtable(12)
        whole_unicode.platformID, whole_unicode.platEncID, whole_unicode.language = 3, 10, 0
        whole_unicode.cmap = {ord(character): font.getBestCmap()[ord(SHAPE)]}
        font["cmap"].tables = [whole_unicode]
        for record in font["name"].names:
            said = {1: family, 4: family, 6: family.replace(" ", ""), 16: family}.get(record.nameID)
            if said is not None:
                record.string = said
        made = BytesIO()
        font.save(made)
    return made.getvalue()


def install(folder: Path, character: str, family: str) -> Path:
    """Put such a font into a folder; whole or not at all, like a package manager."""
    folder.mkdir(parents=True, exist_ok=True)
    hidden, path = folder / f"{family}.part", folder / f"{family}.ttf"
    hidden.write_bytes(font_with(character, family))
    return hidden.rename(path)
