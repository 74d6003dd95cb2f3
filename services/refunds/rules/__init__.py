"""The rules of refunds, a file each. Pure: no session, no clock, no broker; every function can be tested with a table."""
