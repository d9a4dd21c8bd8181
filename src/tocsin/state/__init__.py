"""Cursors, windows, alerts and outbox in one SQLite file."""
