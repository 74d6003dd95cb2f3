"""One function per use case: load rows under a lock, ask the rules, change rows, emit events.

copies.py      what the service learns from events: orders, refunds, time zones, erasures
issuing.py     issues due documents
letterhead.py  the store's document settings and logo
waiting.py     credit notes that wait for the number of another system's invoice
turns.py       issuing and saving of settings by turns
corrections.py corrects an invoice: its credit note and a new one
renderings.py  stores the bytes of rendered documents
"""
