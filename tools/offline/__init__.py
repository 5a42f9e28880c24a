"""BioThings without a network: documents in an embedded search engine, behind the protocol of the services."""
