"""Job specifications and the words the whole platform shares; the folders beside this file are the jobs."""
