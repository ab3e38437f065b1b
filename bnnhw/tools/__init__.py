"""Tools around a design: synthesis, place and route, and the caches they need."""
