"""Cursors: ours come back as they went, anything else is refused as what it is."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.errors import Invalid
from shared.data.readable import OutOfRange
from shared.web.pages import Int16, Int32, decode_cursor, encode_cursor, link_header
from shared.web.views import Page

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


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (datetime, "0001-01-01T00:00:00+14:00"),
        (datetime, "9999-12-31T23:59:59-14:00"),
        (datetime, "2026-01-01"),
        (datetime, 0),
        (datetime, "~1"[:1]),
        (datetime, f"~{2**63}"),
        (datetime, "~-211813488000000001"),
        (date, "~2145031949"),
        (date, "infinity"),
        (Int32, 2**31),
        (Int16, 2**15),
        (Int16, True),
        (int, 2**63),
    ],
)
def test_a_value_that_no_column_can_hold_is_refused(kind: type, value: object) -> None:
    with pytest.raises(Invalid) as refusal:
        decode_cursor(encode_cursor([value]), [kind])
    assert refusal.value.code == "bad_cursor"


@pytest.mark.parametrize("value", [OutOfRange("timestamptz", -(2**63)), OutOfRange("timestamptz", 2**63 - 1), OutOfRange("date", -800_000)])
def test_a_page_may_end_at_a_row_whose_time_cannot_be_read(value: OutOfRange) -> None:
    kind = {"timestamptz": datetime, "date": date}[value.kind]
    assert decode_cursor(encode_cursor([value]), [kind]) == [value]


def test_the_link_header_keeps_the_filters_and_replaces_the_cursor() -> None:
    asked = [("status", "shipped"), ("cursor", "here"), ("status", "delivered")]
    headers = link_header("/v1/orders", asked, Page(items=[], next_cursor="N", previous_cursor="P"))
    filtered = "/v1/orders?status=shipped&status=delivered&cursor"
    assert headers == {"Link": f'<{filtered}=N>; rel="next", <{filtered}=P>; rel="prev"'}
    assert link_header("/v1/orders", asked, Page(items=[], next_cursor=None)) == {}
