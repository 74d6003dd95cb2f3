"""The rules of refunds, one per file. Pure: no session, no clock, no broker; every function can be tested with a table."""
