"""Sending one signed request to an address that is vetted when it is dialled. Knows no table: a request goes in, an Answer comes out.

addresses.py  which addresses lead inward
dialing.py    resolving and connecting, to vetted addresses only
signing.py    secrets, keys and the headers of Standard Webhooks
sending.py    one attempt, and what became of it
"""
