-- KEYS: list. ARGV: id, lifetime.
enter(KEYS[1], ARGV[1], ARGV[2])
