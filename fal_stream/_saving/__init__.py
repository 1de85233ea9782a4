"""Write files: choose their folders, and never leave one half written or overwrite another."""
