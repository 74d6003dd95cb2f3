"""Postal addresses and telephone numbers by the rules of their countries."""
