"""Words of strangers in the output of commands: shown, never obeyed by the terminal."""

import io
import json
from typing import Any

import pytest
from rich.table import Table

from deploy.operator.output import Output, as_json_line, terminal, trouble
from shared.web.visible import visible

HOSTILE = "order\x1b[2J\x1b]0;owned\x07 \x9b31m \x7f \u202egnp.exe \u2028 \x00 \x08 \r ok"
SHOWN = r"order\x1b[2J\x1b]0;owned\x07 \x9b31m \x7f \u202egnp.exe \u2028 \x00 \x08 \x0d ok"


def test_what_steers_is_written_out_and_the_rest_stays() -> None:
    assert visible(HOSTILE) == SHOWN
    assert visible("half \ud83d of a pair") == r"half \ud83d of a pair"
    assert visible("Ada রহমান — ১২৳\tcolumn\nline") == "Ada রহমান — ১২৳\tcolumn\nline"


@pytest.mark.parametrize("way", ["print", "table", "markup_off", "end"])
def test_no_way_to_the_page_lets_it_through(way: str) -> None:
    page = io.StringIO()
    console = terminal(file=page, width=200)
    if way == "table":
        table = Table(box=None)
        table.add_column("type")
        table.add_row(HOSTILE)
        console.print(table)
    elif way == "end":
        console.print("x", end=HOSTILE)
    else:
        console.print(HOSTILE, markup=way == "print")
    assert r"order\x1b[2J\x1b]0;owned" in page.getvalue()
    assert not set(page.getvalue()) & set("\x1b\x9b\x07\x7f\x00\x08\r\u202e\u2028")


def test_styles_of_ours_remain_and_nothing_becomes_a_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    page = io.StringIO()
    terminal(file=page, width=80).print("[bold]ours[/bold] [link=https://elsewhere]theirs[/link]")
    assert page.getvalue() == "\x1b[1mours\x1b[0m theirs\n"


@pytest.mark.parametrize("as_json", [True, False])
def test_progress_warnings_results_and_troubles(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=as_json)
    output.progress(f"[/nothing] {HOSTILE}")
    output.warning(f"[red] {HOSTILE}")
    output.result({"found": HOSTILE}, lambda page: page.print(HOSTILE))
    trouble(f"[link=x] {HOSTILE}", HOSTILE, as_json=as_json)
    said = "".join(capsys.readouterr())
    assert not set(said) & set("\x1b\x9b\x07\x7f\x00\x08\r\u202e\u2028")
    if not as_json:
        assert "[/nothing]" in said
        assert "[link=x]" in said


def test_json_says_the_very_same_strings() -> None:
    value: dict[str, Any] = {"a": HOSTILE, "ক": "\ud83d"}
    line = as_json_line(value)
    assert json.loads(line) == value
    assert "ক" in line
    line.encode()
