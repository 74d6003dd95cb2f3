"""The writes beside their limits as one SVG, drawn by hand: bars of what was reached in front of bars of what plain SQL reached."""

from html import escape

from tests.bench.outcome import Outcome

WIDTH, LEFT, RIGHT, BAR, GAP, TOP = 860, 270, 150, 22, 14, 70
INK, PALE, STRONG = "#1f2937", "#cbd5e1", "#0f766e"


def svg(outcome: Outcome) -> str:
    """The picture."""
    writes = [one for one in outcome.writes if one.limit is not None]
    longest = max((max(one.per_second, one.limit.per_second) for one in writes if one.limit), default=1.0)
    scale = (WIDTH - LEFT - RIGHT) / longest
    height = TOP + len(writes) * (BAR + GAP) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="20" y="28" font-size="17" font-weight="600" fill="{INK}">Writes per second over HTTP, in front of plain SQL</text>',
        f'<rect x="20" y="40" width="12" height="12" fill="{STRONG}"/><text x="38" y="51" fill="{INK}">the service</text>',
        f'<rect x="130" y="40" width="12" height="12" fill="{PALE}"/>',
        f'<text x="148" y="51" fill="{INK}">pgbench with the same rows (the limit)</text>',
    ]
    for index, one in enumerate(writes):
        assert one.limit is not None
        y = TOP + index * (BAR + GAP)
        label = f"{one.what}, {one.clients} client{'s' if one.clients > 1 else ''}"
        reached = f"{one.per_second:,.0f} of {one.limit.per_second:,.0f} ({one.ratio:.2f})"
        end = LEFT + max(one.limit.per_second, one.per_second) * scale
        parts += [
            f'<text x="{LEFT - 10}" y="{y + 16}" text-anchor="end" fill="{INK}">{escape(label)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{one.limit.per_second * scale:.1f}" height="{BAR}" fill="{PALE}"/>',
            f'<rect x="{LEFT}" y="{y + 4}" width="{one.per_second * scale:.1f}" height="{BAR - 8}" fill="{STRONG}"/>',
            f'<text x="{end + 8:.1f}" y="{y + 16}" fill="{INK}">{reached}</text>',
        ]
    note = "; ".join(outcome.doubts)
    parts.append(f'<text x="20" y="{height - 14}" fill="#b91c1c">{escape(f"Not to be quoted: {note}" if note else "")}</text>')
    return "\n".join([*parts, "</svg>", ""])
