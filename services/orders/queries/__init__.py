"""Reads and locked loaders. Every one takes the actor or the store, so loading is authorising."""
