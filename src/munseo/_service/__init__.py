"""Predictions over HTTP: the service, its queue and its limits."""
