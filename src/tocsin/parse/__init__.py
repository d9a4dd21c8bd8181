"""Bytes -> events, without a clock or any other input: any bytes give events or nothing, never an exception."""

from tocsin.parse.parser import Parser, Verdict

__all__ = ["Parser", "Verdict"]
