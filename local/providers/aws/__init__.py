"""The stand-in for the `aws` plugin: one file of tables a service, on the framework beside it."""
