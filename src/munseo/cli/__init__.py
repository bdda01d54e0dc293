"""Commands that still have to move to ``munseo._commands``."""
