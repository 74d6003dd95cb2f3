"""Reads and locked loaders. Each takes the actor, so loading is authorising: what the actor may not see is never selected."""
