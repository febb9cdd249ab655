"""The REST API under `/api/v1`: each route translates one operation."""
