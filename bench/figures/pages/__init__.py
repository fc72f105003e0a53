"""Whole figures, a file a page: panels with titles, legends and small print."""
