"""BioThings without any model: the four APIs, their fields, requests, execution and the offline service."""
