"""Lists the packages: ``bnnhw``, and inside of it the folders sim, designs and platforms."""

from setuptools import find_packages, setup

SIBLINGS = ("designs", "platforms", "sim")

setup(
    packages=[
        *find_packages(include=["bnnhw", "bnnhw.*"]),
        *(f"bnnhw.{name}" for name in find_packages(include=[f"{top}*" for top in SIBLINGS])),
        # Folders of data, without modules.
        "bnnhw.designs.examples", "bnnhw.designs.mnist_tfc",
    ],
    package_dir={f"bnnhw.{name}": name for name in SIBLINGS},
)
