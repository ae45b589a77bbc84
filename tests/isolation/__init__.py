"""No brokerage can reach another's anything: generated from the routes, models and roles that exist."""
