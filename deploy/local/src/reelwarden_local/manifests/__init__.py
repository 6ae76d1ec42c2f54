"""Kubernetes and Compose files of the district's roles, written from one table."""
