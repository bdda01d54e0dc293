"""The generated document set: 17 kinds of Korean papers, cards and photographs, every value in them invented.

One call, ``generate``. A page is drawn (``kinds`` names who draws what), then scanned (``scan``), and in the test part
damaged (``damage``). All forms share one distribution of looks (``looks``), so that a model must read the layout.
"""

from __future__ import annotations

from munseo._synth.document_kinds import KINDS, DocumentKind
from munseo._synth.generator import generate

__all__ = ["KINDS", "DocumentKind", "generate"]
