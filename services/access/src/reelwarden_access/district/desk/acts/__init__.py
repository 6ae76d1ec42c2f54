"""What people do at the desk, one function each: load, decide, save, publish."""
