"""The generated document set: 17 kinds of Korean papers, cards and photographs; every value in them is invented.

``generate`` is the only entry. A page is drawn (``document_kinds`` lists the kinds), then scanned (``photo.scan``), and
in the test split damaged (``photo.damage``). All forms share one distribution of styles (``form.FormStyle``), so that a
model must read the layout.
"""

from __future__ import annotations

from munseo._synth.document_kinds import KINDS
from munseo._synth.generator import generate

__all__ = ["KINDS", "generate"]
