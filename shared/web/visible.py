"""Showing untrusted text to people: characters that would control a terminal are shown as escapes."""

import re

# C0 except tab and newline, DEL, C1 (U+009B starts a sequence by itself), characters that change the reading direction, line
# separators, lone surrogates (no terminal's encoding can represent them).
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """`text` with every character that would control a terminal written as an escape (backslash, x, 1b); everything else is unchanged."""
    return _STEERING.sub(_escape, text)


def visible_json(text: str) -> str:
    """JSON text with the same characters as JSON escapes, so that a tool still reads exactly the same strings."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
