"""The words of charts and the codes they imply: normalised official terms, generated variants, the curated lexicon."""
