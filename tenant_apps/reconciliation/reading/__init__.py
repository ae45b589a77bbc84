"""Reading providers' files: no database, no Django models, only bytes in and rows or errors out."""
