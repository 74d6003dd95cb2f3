"""Text of others in front of people: whatever would steer a terminal is shown instead of obeyed."""

import re

# C0 but tab and newline, DEL, C1 (U+009B starts a sequence by itself), what turns the reading direction, line separators, halves of
# surrogate pairs (no terminal's encoding takes them).
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """`text` with every character that would steer a terminal written as its escape (backslash, x, 1b); anything else stays as it is."""
    return _STEERING.sub(_escape, text)


def visible_json(text: str) -> str:
    """JSON text with the same characters as JSON escapes, so that a tool still reads the very same strings."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
