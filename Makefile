# Every task of Otoscope. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
PYTHON ?= python3
VENV := .venv
# The wheel and the tests of the command line find their files here.
TARGET := $(or $(CARGO_TARGET_DIR),target)

## help: this list
.PHONY: help
help:
	@echo "Otoscope: make TASK"
	@grep -hE '^## [a-z-]+:' $(MAKEFILE_LIST) | sed 's/^## \([a-z-]*\): /  \1\t/' | expand -t 18

## demo: listen to clean speech, then to a simulated server with five faults
.PHONY: demo
demo: tools
	@$(CARGO) run --quiet --release -p otoscope-examples --bin demo

## demo-live: a simulated server with 50 streams, its reports through the spool into Parquet, and what was found, by voice (KAFKA=1, ELASTIC=1: into real ones too)
.PHONY: demo-live
demo-live: tools
	@KAFKA="$(KAFKA)" ELASTIC="$(ELASTIC)" CARGO="$(CARGO)" bash examples/rust/live.sh

## test: every test: Rust, the C program, the Python wheel
.PHONY: test
test: test-rust test-c test-python

.PHONY: test-rust
test-rust: tools
	$(CARGO) test $(TESTED) --features otoscope-export/kafka

.PHONY: test-c
test-c: tools
	bash examples/c/check.sh

.PHONY: test-python
test-python: $(VENV)/ready
	$(VENV)/bin/maturin build --release --manifest-path python/Cargo.toml --out $(TARGET)/wheels
	$(VENV)/bin/pip install --quiet --force-reinstall --no-deps $$(ls -t $(TARGET)/wheels/otoscope-*.whl | head -1)
	$(VENV)/bin/python -m pytest -q python/tests

# What `make test-rust` builds, so that nothing has to be built twice.
TESTED := --workspace --exclude otoscope-python --exclude otoscope-benches

## test-servers: sinks beside real servers and their own processes being killed, fetched by apt, Maven and PyPI (KILLS=20 for a long run)
SERVER_FEATURES ?= kafka
.PHONY: test-servers
test-servers: tools
	OTOSCOPE_SERVER_KILLS=$(or $(KILLS),3) OTOSCOPE_CHILD_KILLS=$(or $(KILLS),3) $(CARGO) test $(TESTED) \
		--features otoscope-export/$(SERVER_FEATURES) --test servers -- --ignored --nocapture --test-threads=1

## check: format, clippy, docs, header, stubs and generated pages (what CI asks beside the tests)
.PHONY: check
check: tools $(VENV)/ready
	git ls-files '*.rs' | xargs rustfmt --check --edition 2024
	$(CARGO) clippy --workspace --all-targets --exclude otoscope-python --features otoscope-export/kafka,otoscope-benches/stores -- -D warnings
	$(CARGO) clippy -p otoscope-python -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --exclude otoscope-python --document-private-items
	$(CARGO) run --quiet -p otoscope-tests --bin docs
	$(CARGO) run --quiet -p otoscope-ffi --example header
	git diff --exit-code -- docs README.md include
	$(VENV)/bin/ruff format --check python training
	$(VENV)/bin/ruff check python training
	$(VENV)/bin/mypy --strict python/py_src/otoscope

## docs: make the metric pages, the table in the README and the C header anew
.PHONY: docs
docs:
	$(CARGO) run --quiet -p otoscope-tests --bin docs
	$(CARGO) run --quiet -p otoscope-ffi --example header

## format: format the Rust and the Python
.PHONY: format
format: $(VENV)/ready
	git ls-files '*.rs' | xargs rustfmt --edition 2024
	$(VENV)/bin/ruff format python training

## bench: criterion benches, with peers in the same run
.PHONY: bench
bench:
	$(CARGO) bench -p otoscope-benches

## speed: the table of speeds with peers, in two minutes
.PHONY: speed
speed:
	$(CARGO) run --release -p otoscope-benches --bin speed

## bench-stores: the Kafka and the bulk sink beside plain loops, with real servers (fetched as by test-servers; three minutes)
.PHONY: bench-stores
bench-stores: tools
	$(CARGO) build --release -p otoscope-benches --features stores --bin export
	for store in kafka opensearch; do \
		bash export/servers/servers.sh fresh $$store; \
		$(TARGET)/release/export $$store || failed=1; \
		bash export/servers/servers.sh stop $$store; \
	done; test -z "$${failed:-}"

## speed-count: instructions of every case, counted by valgrind, into benches/record (ten minutes)
.PHONY: speed-count
speed-count:
	bash benches/callgrind.sh

## golden: regenerate what tests compare with: the committed speech (needs the network and apt)
.PHONY: golden
golden:
	bash fixtures/make_speech.sh
	bash decode/tests/data/make.sh

## speech: fetch 6.2 hours of clean speech into speech/, for the truth table (needs the network and apt; some 20 minutes)
.PHONY: speech
speech:
	bash fixtures/fetch_clean_speech.sh speech

TRUTH := $(CARGO) run --release -p otoscope-tests --bin truth --
# Without speech/ the committed clips, which prove little: then the table is shown and docs/truth.md stays.
## truth: the truth table, docs/truth.md: recall on injected faults and findings on clean speech (make speech first)
.PHONY: truth
truth:
	if test -d speech; then $(TRUTH) --page speech; else $(TRUTH); fi

## peers: speed of full-reference scores beside their peers, each pair of programs in one run (needs pip and a C compiler)
.PHONY: peers
peers: $(VENV)/ready
	$(VENV)/bin/maturin build --release --manifest-path python/Cargo.toml --out $(TARGET)/wheels
	$(CARGO) build --release -p otoscope-benches --bin pair
	test -d $(VENV)-scores || $(PYTHON) -m venv $(VENV)-scores
	$(VENV)-scores/bin/pip install --quiet --disable-pip-version-check -r benches/peers/requirements.txt
	$(VENV)-scores/bin/pip install --quiet --disable-pip-version-check pesq==0.0.4
	$(VENV)-scores/bin/pip install --quiet --disable-pip-version-check --no-deps pysepm-evo==0.1.1
	$(VENV)-scores/bin/pip install --quiet --force-reinstall --no-deps $$(ls -t $(TARGET)/wheels/otoscope-*.whl | head -1)
	$(VENV)-scores/bin/python benches/peers/ratios.py
	$(VENV)-scores/bin/python benches/peers/stoi.py --pair $(TARGET)/release/pair
	$(VENV)-scores/bin/python benches/peers/p862/speed.py

## install: the C library, headers, pkg-config and CMake files, below PREFIX (/usr/local), with DESTDIR before it
.PHONY: install
install:
	$(CARGO) build --release -p otoscope-ffi
	PREFIX="$(or $(PREFIX),/usr/local)" LIBDIR="$(or $(LIBDIR),lib)" DESTDIR="$(DESTDIR)" ffi/install/install.sh $(TARGET)/release

## c-heavy: the C interface under AddressSanitizer and ThreadSanitizer, Rust included (needs clang; some minutes)
.PHONY: c-heavy
c-heavy:
	bash ffi/tests/c/heavy.sh

## test-html-browser: the HTML report in a real browser (installs Chromium, Node.js and playwright-core where they are missing)
# In the profile of the tests: after `make test-rust` there is little left to build.
.PHONY: test-html-browser
test-html-browser:
	@bash tests/tools.sh browser
	$(CARGO) build --quiet --profile test -p otoscope-cli
	cd html/tests/browser && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --silent --no-audit --no-fund
	cd html/tests/browser && OTOSCOPE=$(abspath $(TARGET))/debug/otoscope SPEECH=$(CURDIR)/fixtures/speech node --test --test-reporter=spec report.test.mjs

## guide: the guide as a book, build/guide (cargo installs mdbook into build/)
.PHONY: guide
guide:
	test -x build/mdbook/bin/mdbook || $(CARGO) install mdbook --version 0.5.4 --locked --root build/mdbook
	build/mdbook/bin/mdbook build docs

## truth-peer: what essentia's detectors make of the same faults, docs/truth_peer.csv (make speech first; needs pip)
.PHONY: truth-peer
truth-peer:
	rm -rf build/truth
	$(TRUTH) --half judging --takes 4 --export build/truth speech
	test -d $(VENV)-peers || $(PYTHON) -m venv $(VENV)-peers
	$(VENV)-peers/bin/pip install --quiet --disable-pip-version-check essentia==2.1b6.dev1389
	$(VENV)-peers/bin/python tests/peers/essentia_truth.py build/truth docs/truth_peer.csv

## scores: how near the P.862 scores are to their oracles', over all golden pairs, docs/pesq.md (half a minute)
.PHONY: scores
scores:
	$(CARGO) run --release --quiet -p otoscope-tests --bin scores > docs/pesq.md

## scores-golden: run the oracles of P.862 anew, fixtures/golden/pesq/golden.csv (needs pip and a C compiler; some 40 minutes)
.PHONY: scores-golden
scores-golden:
	$(PYTHON) fixtures/golden/pesq/make.py build/pesq

## newcomer: follow CONTRIBUTING.md's five steps literally, in a copy
.PHONY: newcomer
newcomer:
	bash tests/newcomer.sh

## tools: what the tasks need beyond Rust and Python (gcc, valgrind, venv), by apt where it is missing
.PHONY: tools
tools:
	@bash tests/tools.sh

$(VENV)/ready: python/requirements-dev.txt
	@bash tests/tools.sh
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r python/requirements-dev.txt
	touch $@

## fuzz-scores: odd pairs against every full-reference score; N executions (a million takes an hour or so)
.PHONY: fuzz-scores
fuzz-scores:
	$(CARGO) run --release -p otoscope-tests --bin fuzz_scores -- $(or $(N),10000)
