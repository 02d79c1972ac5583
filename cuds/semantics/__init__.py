"""Meaning: the compiled ontology, lifting the model to RDF and lowering it back."""
