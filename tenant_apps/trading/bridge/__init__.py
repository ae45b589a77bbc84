"""What comes back from trading servers: read in rounds, stored once, told to open pages, compared again at night."""
