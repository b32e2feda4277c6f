collect_ignore = ["golden"]  # texts to compare with, no modules
