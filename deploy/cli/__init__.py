"""The `aftersale` command line: run it, look into it, show it."""
