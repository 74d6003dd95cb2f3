"""Who did it: role and id together, and for an Idempotency-Key's owner via as well."""

from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.actor import Actor, Role
from shared.data.idempotency import caller_text

ROLES: list[Role] = ["platform", "staff", "customer", "guest"]
IDS = st.text(st.sampled_from("a7: %vi"), min_size=1, max_size=8) | st.sampled_from(["7", "7 via platform:p", "7 via ", " via ", "a via"])
ACTORS = st.builds(Actor, st.just("s"), st.sampled_from(ROLES), IDS, via=st.none() | IDS.map("platform:{}".format))


def test_equal_ids_of_two_roles_are_two_people() -> None:
    staff = Actor("s", "staff", "7")
    assert staff.did("staff", "7")
    assert not any(Actor("s", role, "7").did("staff", "7") for role in ROLES if role != "staff")


def test_a_customer_who_spoke_through_the_platform_is_that_customer() -> None:
    behalf = Actor("s", "customer", "7", via="platform:7")
    assert behalf.did("customer", "7")
    assert not behalf.did("platform", "7")
    assert not Actor("s", "platform", "7").did(behalf.role, behalf.id)


@given(ACTORS, ACTORS)
def test_a_key_belongs_to_role_id_and_via(one: Actor, other: Actor) -> None:
    assert (caller_text(one) == caller_text(other)) == (one == other)


def test_the_owner_of_a_key_reads_as_it_always_did() -> None:
    assert caller_text(Actor("s", "customer", "c-1")) == "customer:c-1"
    assert caller_text(Actor("s", "customer", "c-1", via="platform:shop-1")) == "customer:c-1 via platform:shop-1"
