"""`leukolens score`: a folder of cells to a CSV file, on this machine or on a Ray cluster. No server, no database."""
