"""Response bodies, one file per file of api/. Money is `{amount, currency, decimal}`: compute with `amount`, show `decimal`."""
