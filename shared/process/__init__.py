"""A service put together and run: settings, health, metrics, logs."""
