"""Tools for integrators. They import the published language (`shared.contracts`) and nothing else of this project."""
