"""The ASGI edges.  They only translate: what may be done, and by whom, is decided in the operations."""
