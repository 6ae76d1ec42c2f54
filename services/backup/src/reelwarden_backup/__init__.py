"""Backup (R3.2, R4.1): copies of footage, read back before they count."""
