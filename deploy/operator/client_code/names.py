"""Names of the client's groups and methods, which follow from paths and operation ids.

A group is the first word of a path: `/v1/refund-policy` is `refund_policy`. A method is the operation's verb, and its noun where that is
not the group's own: `orders_order_place` is `orders.place`, `orders_payment_record` is `orders.record_payment`, and
`orders_stock_movement_list` is `stock.list_movements`.
"""

from deploy.operator.client_code.document import Operation, identifier

WITHOUT_PLURAL = ("s", "history", "attention", "unread", "waiting")
"""Endings of nouns that stay as they are in a list."""


def group_of(operation: Operation) -> str:
    """The attribute of the client that has this operation."""
    _, version, word, *_ = operation.path.split("/")
    if version != "v1":
        raise ValueError(f"{operation.path} is not below /v1")
    return identifier(word.replace("-", "_"))


def class_of(group: str) -> str:
    """The name of a group's class."""
    return "".join(word.title() for word in group.split("_"))


def method_of(operation: Operation) -> str:
    """The operation's method within its group."""
    _, *nouns, verb = operation.operation_id.split("_")
    noun = _beside(group_of(operation), "_".join(nouns))
    if verb == "list" and noun and not noun.endswith(WITHOUT_PLURAL):
        noun = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return identifier(f"{verb}_{noun}" if noun else verb)


def iterator_of(operation: Operation) -> str:
    """The method that goes through all pages: `all`, or `all_movements`."""
    _, _, noun = method_of(operation).partition("_")
    return f"all_{noun}" if noun else "all"


def _beside(group: str, noun: str) -> str:
    """What a noun says beside its group's own: nothing, for `order` of `orders`, or for `policy` of `refund_policy`."""
    last = group.rpartition("_")[2]
    for own in (group, group.removesuffix("s"), last, last.removesuffix("s")):
        if noun == own:
            return ""
        if noun.startswith(f"{own}_"):
            return noun.removeprefix(f"{own}_")
    return noun
