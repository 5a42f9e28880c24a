"""Retrieval: field cards, syntax notes and worked examples in a Chroma index."""
