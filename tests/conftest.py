collect_ignore = ["golden"]  # texts to compare with, no modules


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden anew (test_golden.py)"
    )
