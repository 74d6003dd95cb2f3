"""Sending one signed request to an address that is vetted when it is dialled, or one event to a store's queue. Knows no table.

addresses.py  which addresses lead inward
dialing.py    resolving and connecting, to vetted addresses only
signing.py    secrets, keys and the headers of Standard Webhooks
sending.py    one call, and what became of it
queueing.py   one event for a queue, and what became of it
"""
