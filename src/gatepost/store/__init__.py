"""The truth: one schema on SQLite and PostgreSQL, and the changelog that feeds every process's memory."""
