"""Write files: choose their folder, never leave one half written, never overwrite another."""
