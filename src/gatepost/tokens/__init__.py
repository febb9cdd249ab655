"""What we issue: passwords, sessions, access and refresh tokens, API and service tokens, and the keys that sign."""
