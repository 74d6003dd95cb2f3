"""What callers send, checked: a frozen model is the argument of its command."""
