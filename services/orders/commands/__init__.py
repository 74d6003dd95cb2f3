"""One function per use case: load rows under a lock, ask the rules, change rows, emit events."""
