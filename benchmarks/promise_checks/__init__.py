"""The simulations of ``promises.py``, one file for each promise."""
