"""The words of a page: from the user's own text, the text layer of a PDF, or an OCR engine."""
