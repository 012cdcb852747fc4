"""A laboratory for demonstration and load: its analyser sends orders and cells, its information system takes results."""
