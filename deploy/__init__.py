"""Assembles the system: the servers, what the services need on them, and the `aftersale` command line."""
