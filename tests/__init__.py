"""The tests: a regular package, since some distributions install a `tests` of their own that would hide a folder."""
