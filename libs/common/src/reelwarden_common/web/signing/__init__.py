"""Signing with a key of one's own (WebAuthn), the same at the desk and the dashboard (docs/adr/0014)."""
