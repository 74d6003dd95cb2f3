"""Response bodies, one file per file of api/. Money is `{amount, currency, decimal}`: compute with `amount`, show `decimal`."""

from collections.abc import Mapping
from typing import Any

from shared.contracts.actor import Actor
from shared.contracts.events import By
from shared.web.views import ByView


def by_view(who: Mapping[str, Any], actor: Actor) -> ByView:
    """A row's record of who did something, as `actor` may see it."""
    return ByView.of(By.model_validate(who), actor)
