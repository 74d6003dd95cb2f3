"""Calls: the front door, whose call it is, what is read and answered."""
