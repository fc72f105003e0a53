"""The core against the documents' loop and installed peers."""
