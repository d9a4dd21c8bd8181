"""Notifications -> the world: one file for each kind of receiver."""
