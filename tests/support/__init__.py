"""What the tests share: the loader under test, small datasets, exact comparison, resources of this process, child scripts."""
