"""What the tests share: the loader under test, datasets, exact comparison, resources, child scripts."""
