"""One function per use case: load locked, ask the rules, change rows, emit."""
