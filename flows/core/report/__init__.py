"""Pages that people read in a browser, offline: French with English beside it, sober, printable."""
