"""`make faults`: load, faults drawn from a seed, then heal, drain and count: acknowledged, lost, doubled, late.

plan.py     which fault comes when, from the seed alone      kinds.py     how each is done, proven to bite, and undone
world.py    real servers behind proxies, services apart      clients.py   the load, and what it was told (journal.py)
strangers.py  programs of others: reading.py kills one (program.py) that reads the feed, receiving.py fails as receivers of webhooks
oracle.py   what is really there, by SQL over every schema   report.py    the account of it
"""
