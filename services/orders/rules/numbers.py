"""Where a store's series of order numbers may start."""

from shared.contracts.actor import Decision, allowed, refused


def may_start(number: int, given: int) -> Decision:
    """Whether the series may go on at `number` once it gave `given` (0: none). It never goes back."""
    if number > given:
        return allowed()
    return refused("number_behind", f"The series already gave {given}; it can be started at {given + 1} or above.")
