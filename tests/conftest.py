from srcdiff.transforms import pipeline
from srcdiff.transforms.verify import verify

collect_ignore = ["golden"]  # texts to compare with, no modules

pipeline.CHECKS.append(lambda name, block: verify(block))  # between passes, in every test


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden anew (test_golden.py)"
    )
