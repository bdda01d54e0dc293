"""Predictions over HTTP: the application, its queue and its limits. Models come in as plain functions."""
