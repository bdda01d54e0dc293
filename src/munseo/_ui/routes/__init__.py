"""The routes of the web page: one file for each of its sections."""
