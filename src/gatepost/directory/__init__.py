"""Users, groups, roles, services, resources and who has access to them: the operations."""
