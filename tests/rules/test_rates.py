"""Token buckets and counts, with a clock that the test turns."""

from hypothesis import given
from hypothesis import strategies as st

from shared.web.rates import BUCKETS_KEPT, BURST_SECONDS, Buckets, UnderWay


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    clock = Clock()
    buckets = Buckets("token", 10, clock)
    assert [buckets.wait_seconds("a") for _ in range(10 * BURST_SECONDS)] == [0] * 10 * BURST_SECONDS
    assert buckets.wait_seconds("a") == 1
    assert (buckets.wait_seconds("b"), buckets.told("b")) == (0, f'"token";r={10 * BURST_SECONDS - 1};t=1')
    clock.now += 0.25
    assert [buckets.wait_seconds("a") for _ in range(3)] == [0, 0, 1]


@given(rate=st.integers(1, 50), steps=st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_never_more_than_burst_and_rate(rate: int, steps: list[float]) -> None:
    clock = Clock()
    buckets = Buckets("token", rate, clock)
    passed = 0
    for step in steps:
        clock.now += step
        while buckets.wait_seconds("a") == 0:
            passed += 1
    assert passed <= rate * BURST_SECONDS + rate * (clock.now - 1_000) + 1


def test_none_is_no_limit_and_memory_has_one() -> None:
    clock = Clock()
    assert [Buckets("token", 0, clock).wait_seconds("a") for _ in range(100_000)] == [0] * 100_000
    buckets = Buckets("token", 1, clock)
    for number in range(BUCKETS_KEPT + 100):
        buckets.wait_seconds(str(number))
    assert len(buckets._levels) == BUCKETS_KEPT


def test_what_is_under_way_is_counted_by_key_and_in_all() -> None:
    counted = UnderWay(2, 3)
    assert [counted.enter(key) for key in ("a", "a", "a", "b", "b")] == [True, True, False, True, False]
    counted.leave("a")
    assert (counted.enter("b"), counted.of("b"), counted.total) == (True, 2, 3)
    for key in ("a", "b", "b"):
        counted.leave(key)
    assert (counted.total, counted.of("a"), counted._counts) == (0, 0, {})
