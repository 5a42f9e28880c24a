"""The language model: llama.cpp in a process of its own, or any OpenAI-compatible server."""
