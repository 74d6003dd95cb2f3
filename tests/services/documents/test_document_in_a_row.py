"""Big invoices rendered one after another by few processes: none fails because of those rendered before it."""

from typing import Any

import pytest

from services.documents.rendering.present import view_of
from services.documents.rendering.renderer import Renderer, RenderingFailed
from services.documents.settings import DocumentSettings
from tests.services.documents.specimens import CODE, specimen

MOST_LINES = 2_000  # of an order


def view(number: int, lines: int) -> dict[str, Any]:
    """An invoice of its own, so that nothing of it can be in the engine's cache."""
    contents = specimen("invoice", ("en", "bn")[number % 2], count=lines)
    said = tuple(line.model_copy(update={"name": f"{line.name}, lot {number}-{line.line}"}) for line in contents.lines)
    return view_of(contents.model_copy(update={"lines": said, "number": f"INV-2026-{number:06}"}), code=CODE)


async def failures_of(lines: list[int]) -> list[tuple[int, str]]:
    """Renders an invoice of each size with the limits of a shipped service, one after another; returns what failed."""
    limits = {name: field.default for name, field in DocumentSettings.model_fields.items() if name.startswith("render_")}
    renderer = Renderer(1, limits["render_deadline_seconds"], limits["render_memory_mb"], recycle_mb=limits["render_recycle_mb"])
    failed = []
    for number, count in enumerate(lines):
        try:
            assert (await renderer.pdf(view(number, count))).startswith(b"%PDF-")
        except RenderingFailed as error:
            failed.append((number, str(error.detail)))
    await renderer.close()
    return failed


async def test_invoices_of_two_thousand_lines_in_a_row() -> None:
    """With some before each that leave the process just small enough to be used again."""
    assert await failures_of([200, 200, MOST_LINES, 250, 250, MOST_LINES]) == []


@pytest.mark.proof
async def test_fifty_invoices_of_two_thousand_lines_in_a_row() -> None:
    assert await failures_of([MOST_LINES] * 50) == []


@pytest.mark.proof
async def test_two_hundred_invoices_of_any_size_in_a_row() -> None:
    sizes = [40, 150, 350, 5, 250, 800, 1, 500, 120, MOST_LINES]
    assert await failures_of(sizes * 20) == []
