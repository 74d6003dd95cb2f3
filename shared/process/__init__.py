"""Assembling and running a service: settings, health, metrics, logs."""
