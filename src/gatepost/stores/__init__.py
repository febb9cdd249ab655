"""Stores: the operations behind OpenFGA's API, on the platform's own store and on any number beside it."""
