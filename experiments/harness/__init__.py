"""What every experiment shares: its command, records, cells, jobs. It imports thermodiff alone."""
