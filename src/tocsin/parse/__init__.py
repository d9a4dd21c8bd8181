"""Bytes of a log -> events: total and pure."""
