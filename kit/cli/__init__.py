"""The integrator's commands: where a store's events go, and what happened to them. All of them stand on the client."""
