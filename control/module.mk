# The server module by PGXS. Run from build/ by the Makefile: a VPATH build, so objects stay out of the source folders.

version := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" ../control/platform_factory.control)
manifest := $(addprefix ../sql/,$(shell sed -e 's/ *\#.*//' -e '/^$$/d' ../sql/install.list))

MODULE_big = platform_factory
EXTENSION = control/platform_factory
OBJS = $(patsubst ../%.cpp,%.o,$(wildcard ../extension/*.cpp ../extension/*/*.cpp))
DATA = $(patsubst ../%,%,$(wildcard ../sql/upgrade/*.sql))
DATA_built = sql/platform_factory--$(version).sql
EXTRA_CLEAN = sql

# Up to 15 PGDLLEXPORT is empty and hidden visibility would hide the entry points with all the rest.
PG_CPPFLAGS = -I../extension -DFACTORY_VERSION='"$(version)"' -isystem $(shell $(PG_CONFIG) --includedir-server) \
  -DPGDLLEXPORT='__attribute__((visibility("default")))'
PG_CXXFLAGS = -std=c++20 -O2 -fvisibility=hidden -fvisibility-inlines-hidden -fstack-protector-strong \
  -Wall -Wextra -Werror -MMD -MP
PG_LDFLAGS = -Wl,-z,relro,-z,now -Wl,--version-script=../control/exports.map
# PGXS links with the C compiler.
SHLIB_LINK += -lstdc++ -lcrypto -lsimdjson

# No bitcode: nothing here gains from inlining by the server's JIT.
override with_llvm = no
VPATH = ..

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# A new library takes the place of the old one by rename, never by writing over the file that a server has loaded.
INSTALL_SHLIB = sh -c '$(INSTALL) -m 755 "$$0" "$$1.new" && mv -f "$$1.new" "$$1"'

$(OBJS): ../control/module.mk server.stamp | problems.inc common_passwords.inc

extension/%.o: ../extension/%.cpp
	@mkdir -p $(@D)
	@echo "  compile $(<:../%=%)"
	$(COMPILE.cc) -o $@ $<

$(DATA_built): ../sql/_header.sql $(manifest) ../sql/install.list ../control/platform_factory.control
	@mkdir -p $(@D)
	@echo "  write $@"
	awk -f ../control/install_script.awk $< $(manifest) > $@

-include $(OBJS:.o=.d)
