# make demo | test | test-long | test-nightly | test-torch | install-check | dist-check | lint | docs | bench | clean
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
JOBS ?= 2

.PHONY: demo test test-long test-nightly test-torch install-check dist-check lint docs bench clean

$(VENV)/installed: pyproject.toml
	@echo "Installing bnnhw with all development tools into $(VENV), once:"
	@echo "about 300 MB to download, 1.7 GB on disk, one to three minutes."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check --progress-bar off --editable '.[dev]'
	touch $@

# The shipped MNIST design: generate it, simulate its Verilog on the digits that it never saw.
demo: $(VENV)/installed
	$(BIN)/python designs/mnist_tfc/digits.py build/demo
	$(BIN)/bnnhw check mnist_tfc
	$(BIN)/bnnhw generate --arch streaming --layers mnist_tfc -o build/demo/mnist_tfc.v
	$(BIN)/bnnhw simulate build/demo/mnist_tfc.json --inputs build/demo/digits.npy \
	  --labels build/demo/labels.npy --outputs build/demo/y.npz

test: $(VENV)/installed lint
	$(BIN)/python -m pytest -n $(JOBS) -m 'not long'

test-long: $(VENV)/installed
	$(BIN)/python -m pytest -n $(JOBS) -m long

# Property tests with new examples in every run, and more of them; SEED=N repeats a run.
SEED := $(or $(SEED),$(shell date +%s))
test-nightly: $(VENV)/installed
	@echo "hypothesis seed: $(SEED)"
	$(BIN)/python -m pytest -n $(JOBS) -m 'not long' --hypothesis-profile=nightly \
	  --hypothesis-seed=$(SEED) $(shell grep -rl --include=test_*.py '@given' tests)

# Live models of PyTorch and Brevitas, in an environment of their own: the other tests do not need
# torch, which is large. TORCH is what pip installs, such as the CPU build alone.
TORCH ?= torch
TORCH_VENV ?= build/torch
$(TORCH_VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(TORCH_VENV)
	$(TORCH_VENV)/bin/pip install -qq $(TORCH)
	$(TORCH_VENV)/bin/pip install -qq --editable '.[brevitas,fast,sim]' 'mlxtend>=0.23,<1' \
	  'pytest>=8,<10' 'pytest-xdist>=3.6,<4' 'hypothesis>=6.100,<7'
	touch $@

test-torch: $(TORCH_VENV)/installed
	$(TORCH_VENV)/bin/python -m pytest tests/live

# A plain installation into an empty environment, used from another folder and from the root of
# the source tree, where the folder bnnhw hides the installed package.
install-check:
	rm -rf build/install
	$(PYTHON) -m venv build/install/venv
	build/install/venv/bin/pip install -qq .
	cd build/install && venv/bin/bnnhw list designs
	cd build/install && venv/bin/bnnhw generate --layers mnist_tfc -o out.v && test -s out.json
	build/install/venv/bin/python -m bnnhw generate --arch streaming --layers \
	  designs/mnist_tfc/net.yaml -o build/install/root.v && test -s build/install/root.json

# The wheel and the sdist, each installed into an empty environment and used from an empty folder.
dist-check: $(VENV)/installed
	rm -rf build/dist
	$(BIN)/python -m build --outdir build/dist .
	$(BIN)/python tests/packaging/check_distributions.py build/dist

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --quiet .github/workflows

bench: $(VENV)/installed
	OPENBLAS_NUM_THREADS=1 $(BIN)/python bench/run.py

clean:
	rm -rf build .pytest_cache .hypothesis .mypy_cache .ruff_cache

# The documentation site, in build/docs; every warning is an error.
docs: $(VENV)/installed
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs
