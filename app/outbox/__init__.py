"""What a site sends to other systems: announced with the act, kept until it has arrived, in order per case."""
