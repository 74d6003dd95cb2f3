"""What a caller reads of a field that is wrong: a sentence, without the words of the library that found it."""

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.contracts.times import Instant
from shared.web.problems import invalid_value


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("0001-01-01T00:00:00+05:00", "A time must be between 1970-01-01T00:00:00Z and 2100-01-01T00:00:00Z"),
        ("2026-01-31T09:30:00", "A time must have an offset, such as 2026-01-31T09:30:00Z"),
    ],
)
def test_a_sentence_of_ours_stands_alone(given: str, message: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        TypeAdapter(Instant).validate_python(given)
    assert [one.message for one in invalid_value(wrong.value).errors] == [message]
