"""Which events an endpoint or a reader of the feed wants."""

import pytest

from services.webhooks.rules.filters import check_types, like_patterns, wants
from shared.contracts.errors import Invalid

KNOWN = ("order.placed.v1", "refund.approved.v1")


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("*", [True, True]),
        ("order.*", [True, False]),
        ("*.approved.v1", [False, True]),
        ("order.placed.v1", [True, False]),
        ("order?placed.v1", [False, False]),
        ("[or]*", [False, False]),
        ("Order.*", [False, False]),
    ],
)
def test_only_a_star_is_a_wildcard(pattern: str, wanted: list[bool]) -> None:
    assert [wants([pattern], name) for name in KNOWN] == wanted


def test_as_sql_only_a_star_is_a_wildcard() -> None:
    assert like_patterns(["a_b*", "50%", "\\"]) == ["a\\_b%", "50\\%", "\\\\"]


def test_a_pattern_that_matches_no_type_is_named_by_its_place() -> None:
    check_types(["order.*", "*"], KNOWN, at="/types")
    with pytest.raises(Invalid) as refused:
        check_types(["order.*", "orders.*"], KNOWN, at="?types")
    assert (refused.value.code, [one.pointer for one in refused.value.errors]) == ("unknown_event_types", ["?types/1"])
