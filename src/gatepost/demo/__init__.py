"""A sample data platform with real people, a real provider, and nothing that outlives it."""
