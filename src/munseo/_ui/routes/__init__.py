"""One file a room of the page: its addresses and what they show."""
