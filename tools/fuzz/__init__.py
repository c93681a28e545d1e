"""The API under generated requests, made from its own document, on the embedded cloud."""
