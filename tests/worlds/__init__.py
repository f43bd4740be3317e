"""Made-up months of batch work whose true cost is known: what the cost report is measured against."""
