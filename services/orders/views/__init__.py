"""Response bodies. Only `api` imports them."""
