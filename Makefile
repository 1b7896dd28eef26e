# The everyday commands; CMake and ninja do the building.  `make help` lists them.

PREFIX ?= /usr/local
DESTDIR ?=
SECONDS ?= 60

DEMO_PROMPT := def count_even(numbers):\n    """Return the number of the elements of numbers that are even."""\n
DEMO_COMMAND := printf '%b' '$(DEMO_PROMPT)' | build/unmask generate --model models/tiny

.DEFAULT_GOAL := release
.PHONY: release debug asan demo tiny test check format fuzz install uninstall clean help

release: ## build build/unmask and the libraries (the default)
	@tools/build.sh release

debug: ## build without optimisation in build-debug
	@tools/build.sh debug

asan: ## build with the address and undefined-behaviour sanitizers in build-asan
	@tools/build.sh asan

demo: ## install what is missing, build, and let models/tiny write a function
	@tools/install_dependencies.sh build
	@tools/build.sh release
	$(DEMO_COMMAND)

tiny: ## train models/tiny's successor from nothing (hours; may be stopped and started again)
	@tools/install_dependencies.sh build
	@tools/build.sh release
	@recipes/tiny/build.sh

test: ## install what is missing, build twice (release, sanitizers), run every test
	@tools/install_dependencies.sh build test
	@tools/run_tests.sh

check: ## check the formatting and the directions between modules
	@tools/install_dependencies.sh check
	@tools/format.sh --check
	@python3 tools/check_modules.py

format: ## format every C file in place
	@tools/install_dependencies.sh check
	@tools/format.sh

fuzz: ## run each fuzz target for SECONDS=60 (clang)
	@tools/install_dependencies.sh build test fuzz
	@tools/fuzz.sh $(SECONDS)

install: ## install program, libraries, header and manual page under PREFIX=/usr/local
	@tools/build.sh release -DCMAKE_INSTALL_PREFIX="$(PREFIX)"
	DESTDIR="$(DESTDIR)" cmake --install build --strip

uninstall: ## remove what `make install` put under DESTDIR
	@tools/uninstall.sh "$(DESTDIR)"

clean: ## remove the build directories
	rm -rf build build-debug build-asan build-fuzz build-arm64

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
