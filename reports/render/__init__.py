"""The report for people and programs: one object in, the same numbers in every format. No figure is computed here."""
