"""The stage's components. Importing the package imports no Pulumi, so that settings can be read by everything."""
