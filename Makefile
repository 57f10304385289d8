# `make` lists the targets. Everything they need is installed by scripts/install-deps.sh, which is silent when all is there.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

DEMO_DATA ?= frame-demo
# GNU directories; `make install PREFIX=/usr DESTDIR=package` makes the tree of a package.
PREFIX ?= /usr/local
DESTDIR ?=
export PREFIX DESTDIR
export FRAME_TEST_PYTHON := $(CURDIR)/.build-venv/bin/python

.PHONY: help run build install uninstall man prove test fuzz resources lint format bench clean-data

help: ## List the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: ## Build and start two federated frames on this machine (ARGS="--once", ARGS="--data DIR", …)
	@scripts/install-deps.sh build
	@frame=$$(scripts/build.sh); exec "$$frame" demo $(ARGS)

build: ## Build the release binary, .build/release/frame (SYMBOLS=1 keeps symbols)
	@scripts/install-deps.sh build
	@scripts/build.sh

install: ## Put what `make build` left, manuals, unit, boards and rules below PREFIX (/usr/local; DESTDIR for packages)
	@scripts/install.sh

uninstall: ## Take all that away again; frames and their data stay
	@scripts/install.sh --uninstall

man: ## Write docs/man anew from what the commands say of themselves
	@scripts/install-deps.sh build
	@swift build --product frame
	@scripts/man.py --frame "$$(swift build --show-bin-path)/frame"

prove: ## Install into a bare Debian 12 and run the demo and the unit there (docs/on_a_server.md; needs root)
	@scripts/prove-install.sh

test: ## Run every test (FILTER=regex for some of them)
	@scripts/install-deps.sh test
	@scripts/test.sh $(FILTER)

fuzz: ## Fuzz every reader of outside bytes (MINUTES=240, TARGET=token; docs/robustness.md)
	@scripts/install-deps.sh build
	@scripts/fuzz.sh

resources: ## Abuse a node for ten minutes and hold it against its bounds (DURATION=60)
	@scripts/install-deps.sh test
	@FRAME_RESOURCES_SECONDS=$(or $(DURATION),600) scripts/test.sh ResourceTests

lint: ## Check the format of the sources and the scripts
	@scripts/lint.sh

format: ## Format the sources in place
	@scripts/lint.sh --fix

bench: ## Build and run the benchmarks (Benchmarks/README.md)
	@scripts/install-deps.sh build
	@Benchmarks/run.sh $(ARGS)

clean-data: ## Delete the demo's frames: keys, logs, money
	@rm -rf -- "$(DEMO_DATA)"
