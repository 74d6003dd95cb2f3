"""What is recorded of an attempt contains no secret of the endpoint."""

import pytest

from services.webhooks.rules.redacting import redacted, secret_words, shown_request

OWN = {"Authorization": "Bearer abc-123-secret", "X-Tenant": "t1"}
WORDS = secret_words(OWN, ["whsec_c2VjcmV0c2VjcmV0"])


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("denied: Bearer abc-123-secret", "denied: [redacted]"),
        ("token=abc-123-secret;", "token=[redacted];"),
        ("key whsec_c2VjcmV0c2VjcmV0", "key [redacted]"),
        ("key c2VjcmV0c2VjcmV0", "key [redacted]"),
        ("tenant t1 is unknown", "tenant t1 is unknown"),
        ("", ""),
    ],
)
def test_an_answer_that_repeats_a_secret(said: str, kept: str) -> None:
    assert redacted(said, WORDS) == kept


def test_a_longer_secret_goes_before_a_part_of_it() -> None:
    words = secret_words({"A": "secret", "B": "secret-and-more"}, [])
    assert redacted("secret-and-more", words) == "[redacted]"


def test_own_headers_are_shown_by_name() -> None:
    sent = {"authorization": "Bearer abc-123-secret", "X-Tenant": "t1", "webhook-id": "1"}
    assert shown_request(sent, OWN) == {"authorization": "[redacted]", "X-Tenant": "[redacted]", "webhook-id": "1"}
