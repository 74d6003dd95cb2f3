"""Cursors: ours come back as they went, anything else is refused as what it is."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.pages import decode_cursor, encode_cursor, link_header

MOMENTS = st.datetimes(timezones=st.just(UTC))


@given(MOMENTS, st.integers(-(2**62), 2**62), st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_a_cursor_comes_back_as_it_went(moment: datetime, number: int, text: str) -> None:
    cursor = encode_cursor([moment, number, text])
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert decode_cursor(cursor, [datetime, int, str]) == [moment, number, text]


@given(st.text(max_size=60))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        decode_cursor(text, [datetime, int])
    assert (refusal.value.code, refusal.value.errors[0].pointer) == ("bad_cursor", "?cursor")


@pytest.mark.parametrize("values", [[1], [1, 2, 3], ["x", 1], [True, 1], ["2026-01-01T00:00:00", 1], ["2026-01-01T00:00:00+00:00", 2**64]])
def test_a_cursor_of_another_list_is_refused(values: list[object]) -> None:
    with pytest.raises(Invalid):
        decode_cursor(encode_cursor(values), [datetime, int])


def test_the_link_header_keeps_the_filters_and_leaves_absent_ones_out() -> None:
    headers = link_header("/v1/orders", {"status": ["shipped", "delivered"], "q": None}, next_cursor="N", previous_cursor="P")
    filtered = "/v1/orders?status=shipped&status=delivered&cursor"
    assert headers == {"Link": f'<{filtered}=N>; rel="next", <{filtered}=P>; rel="prev"'}
    assert link_header("/v1/orders", {}, next_cursor=None) == {}
