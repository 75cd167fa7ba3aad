# The one door. `make` alone lists what it opens.
#
# Nothing here asks for a compiler or a server while the file is read, so that `make run` works on a machine that has
# only git and make: the first step installs packages, and only then does a make of its own build.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

version := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" control/platform_factory.control)
jobs    := -j$(shell nproc 2>/dev/null || echo 1)

# The server to build against; the default is the packaged one, found when it is first needed.
PG_CONFIG ?= $(shell control/platform pg-config)

FUZZ_SECONDS ?= 3600

## doors

.PHONY: help run stop status test bench fuzz install format lint clean

help: ## list the doors
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' Makefile | awk -F'\t' '{ printf "  make %-10s %s\n", $$1, $$2 }'

run: ## install packages, build, start the platform, say what to open
	@control/platform packages run
	@$(MAKE) $(jobs) build
	@control/platform run

stop: ## stop what `make run` started
	@control/platform stop

status: ## print KEY=VALUE lines of the running platform; error 3 when it does not run
	@control/platform status

test: ## every test on a throw-away platform; ends with `N passed, N failed`
	@control/platform packages test
	@$(MAKE) $(jobs) build tests
	@tests/run

bench: ## figures beside their limits, on a throw-away platform
	@control/platform packages bench
	@$(MAKE) $(jobs) build build/bench/envelope_bench
	@tests/run bench

fuzz: ## every fuzz target for FUZZ_SECONDS (3600) each
	@control/platform packages test
	@$(MAKE) $(jobs) fuzzers
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run fuzz

install: module ## the PGXS way, for a server of your own: PG_CONFIG=..., DESTDIR=...
	@$(MAKE) -s -C build -f ../control/module.mk PG_CONFIG=$(PG_CONFIG) install

format: ## lay out the C++ as .clang-format says
	@clang-format-14 -i $(cxx_files)

lint: module ## the checks that need no server
	@tests/run lint

clean: ## remove what was built; the data under .local stays
	rm -rf build

## parts

.PHONY: build module edge tests unit fuzzers seam FORCE

build: module edge
tests: unit fuzzers seam

core_sources  := $(wildcard extension/core/*.cpp extension/crypto/*.cpp)
edge_sources  := $(wildcard edge/*.cpp)
unit_sources  := $(wildcard tests/unit/*.cpp)
fuzz_sources  := $(wildcard tests/fuzz/*.cpp)
cxx_files     := $(wildcard extension/*.[ch]pp extension/*/*.[ch]pp edge/*.[ch]pp tests/*/*.[ch]pp)

CXX_STRICT    := -std=c++20 -g -Wall -Wextra -Werror -MMD -MP
HARDEN        := -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
SANITIZE      := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -D_GLIBCXX_ASSERTIONS
INCLUDES      := -Iextension -Ibuild -I.

generated     := build/problems.inc build/common_passwords.inc

# The module of the server, by PGXS, run inside build/ so that nothing lands beside the sources.
module: $(generated) build/server.stamp
	@$(MAKE) -s -C build -f ../control/module.mk PG_CONFIG=$(PG_CONFIG) all

# Objects made for one server version are not linked for another.
build/server.stamp: FORCE
	@mkdir -p build
	@$(PG_CONFIG) --version | cmp -s - $@ || $(PG_CONFIG) --version > $@

edge: build/edge/factory-edge
unit: build/unit/unit-tests
fuzzers: $(fuzz_sources:tests/fuzz/%.cpp=build/fuzz/%)

build/problems.inc: control/problems.tsv
	@mkdir -p build
	@awk -F'\t' -f control/problems.awk $< > $@

build/common_passwords.inc: extension/core/common_passwords.txt
	@mkdir -p build
	@sed -e '/^$$/d' -e 's/[\\"]/\\&/g' -e 's/.*/"&",/' $< > $@

## the edge

build/edge/%.o: %.cpp Makefile | $(generated)
	@mkdir -p $(@D)
	@echo "  compile $<"
	@g++ $(CXX_STRICT) $(HARDEN) -DFACTORY_VERSION='"$(version)"' $(INCLUDES) \
	  $$(pkg-config --cflags cpp-httplib libcurl libpq openssl simdjson) -c -o $@ $<

# The version is compiled in, so a new one compiles again.
build/edge/edge/%.o: control/platform_factory.control

build/edge/factory-edge: $(edge_sources:%.cpp=build/edge/%.o)
	@echo "  link $@"
	@g++ -pie -Wl,-z,relro,-z,now -o $@ $^ $$(pkg-config --libs cpp-httplib libcurl libpq openssl simdjson) -lpthread

## unit tests: core and crypto under AddressSanitizer and UndefinedBehaviorSanitizer

build/unit/%.o: %.cpp Makefile | $(generated)
	@mkdir -p $(@D)
	@echo "  compile $<"
	@g++ $(CXX_STRICT) $(SANITIZE) $(INCLUDES) -c -o $@ $<

# Of the edge, what decides and knows neither sockets nor the database.
unit_parts := $(core_sources) $(unit_sources) edge/peer.cpp edge/outbound_policy.cpp

build/unit/unit-tests: $(patsubst %.cpp,build/unit/%.o,$(unit_parts))
	@echo "  link $@"
	@g++ $(SANITIZE) -o $@ $^ -lgtest -lgtest_main -lcrypto -lsimdjson -lpthread

## the figures that need no server

build/bench/envelope_bench: tests/bench/envelope_bench.cpp $(addprefix extension/crypto/,envelope.cpp gcm.cpp random.cpp bytes.cpp)
	@mkdir -p $(@D)
	@echo "  build $@"
	@g++ $(filter-out -MMD -MP,$(CXX_STRICT)) $(HARDEN) $(INCLUDES) -pie -o $@ $^ -lcrypto

## the seam's tests: a library for the server, made of extension/pg and functions that throw and raise through it

seam_sources := tests/seam/seam_test.cpp $(addprefix extension/,pg/error.cpp pg/datum.cpp pg/spi.cpp \
  core/problem.cpp core/json_writer.cpp core/uuid.cpp crypto/random.cpp)

seam: build/seam/seam_test.so

build/seam/%.o: %.cpp Makefile build/server.stamp | $(generated)
	@mkdir -p $(@D)
	@echo "  compile $< for the seam"
	@g++ $(CXX_STRICT) -O2 -fPIC -fvisibility=hidden -fvisibility-inlines-hidden $(INCLUDES) \
	  -isystem $$($(PG_CONFIG) --includedir-server) -DPGDLLEXPORT='__attribute__((visibility("default")))' -c -o $@ $<

build/seam/seam_test.so: $(seam_sources:%.cpp=build/seam/%.o)
	@echo "  link $@"
	@g++ -shared -o $@ $^ -lcrypto

## fuzz targets: one program a file of tests/fuzz

build/fuzz/%.o: %.cpp Makefile | $(generated)
	@mkdir -p $(@D)
	@echo "  compile $< for fuzzing"
	@clang++ $(CXX_STRICT) $(SANITIZE) -fsanitize=fuzzer-no-link $(INCLUDES) -c -o $@ $<

fuzz_objects := $(patsubst %.cpp,build/fuzz/%.o,$(core_sources) $(wildcard edge/request_head.cpp))

$(fuzz_sources:tests/fuzz/%.cpp=build/fuzz/%): build/fuzz/%: build/fuzz/tests/fuzz/%.o $(fuzz_objects)
	@echo "  link $@"
	@clang++ $(SANITIZE) -fsanitize=fuzzer -o $@ $^ -lcrypto -lsimdjson

.SECONDARY:
-include $(patsubst %.cpp,build/edge/%.d,$(edge_sources))
-include $(patsubst %.cpp,build/unit/%.d,$(unit_parts))
-include $(seam_sources:%.cpp=build/seam/%.d)
-include $(patsubst %.cpp,build/fuzz/%.d,$(core_sources) $(fuzz_sources) edge/request_head.cpp)
