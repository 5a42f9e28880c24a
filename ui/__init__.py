"""The Chainlit app."""
