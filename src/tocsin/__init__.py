"""Tocsin rings once, in time and truthfully, when somebody hammers a service that the firewall guards."""

__version__ = "0.1.0"
