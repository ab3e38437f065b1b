"""Networks from outside to Graphs; what has no exact integer meaning is refused."""
