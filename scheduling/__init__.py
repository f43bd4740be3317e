"""A model of AWS Batch: which job starts next and where it fits. Pure: no clock, no random, no cloud."""
