"""The stand-in for the `docker` plugin: images built from a folder and pushed to a registry."""
