"""Fallback fonts of Aftersale's documents: nothing but files. The document service finds this folder once the package is installed."""
