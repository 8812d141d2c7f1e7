# hakmem: one non-recursive Makefile.
#
#   make            build/release/{libhakmem.so,hakmemd,hakmem-top}
#   make deps       install what a Debian 12 machine lacks (root or sudo)
#   make demo       deps, build, run the main job on a real program
#   make check      deps, build, run every test
#   make bench      about 6 minutes of interleaved comparisons
#   make bench-full bench-history   real programs too; older designs
#   make lint tidy layers install uninstall clean
#
#   MODE=release|debug|asan|tsan   WERROR=1   DESTDIR= PREFIX=/usr/local
#   V=1 shows the commands, not a short line a file

MODE    ?= release
PREFIX  ?= /usr/local
B       := build/$(MODE)
G       := build/gen
VERSION := 0.1.0

CC     ?= gcc
CXX    ?= g++
PROTOC_C ?= protoc-c

MAKEFLAGS += --no-print-directory
# $(call say,CC,FILE)COMMAND
ifneq ($(V),1)
say = @echo '$(1) $(patsubst $(B)/%,%,$(2))';
endif

PKG      = pkg-config
NCURSES_CFLAGS := $(shell $(PKG) --cflags ncursesw 2>/dev/null)
NCURSES_LIBS   := $(shell $(PKG) --libs ncursesw 2>/dev/null)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wundef -Wpointer-arith -Wcast-qual \
	-Wwrite-strings -Wformat=2 -Wvla -Wimplicit-fallthrough \
	-Wdouble-promotion -Wnull-dereference -Wconversion -Wno-sign-conversion
ifeq ($(shell $(CC) --version 2>/dev/null | grep -c clang),0)
WARN += -Wlogical-op -Wduplicated-cond -Wduplicated-branches \
	-Wcast-align=strict -Wjump-misses-init
endif
ifdef WERROR
WARN += -Werror
endif

OPT_release := -O2 -g
OPT_debug   := -O0 -g3 -DHAKMEM_DEBUG=1
OPT_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -DHAKMEM_DEBUG=1
OPT_tsan    := -O1 -g -fsanitize=thread -DHAKMEM_DEBUG=1
OPT         := $(OPT_$(MODE))
ifeq ($(OPT),)
$(error MODE must be release, debug, asan or tsan, not '$(MODE)')
endif
LINK_asan := -fsanitize=address,undefined
LINK_tsan := -fsanitize=thread

BASE := -std=gnu17 -D_GNU_SOURCE -I. -I$(G) -DHAKMEM_VERSION='"$(VERSION)"' \
	-fvisibility=hidden -fno-omit-frame-pointer -fstack-clash-protection \
	-MMD -MP $(OPT)

# Only the library pays for position independence and gives up builtins: gcc
# would turn a malloc + memset into calloc itself.
# Sections, so that the linker leaves out what only the daemon and the viewer
# need of the messages.
LIB_CFLAGS := $(BASE) $(WARN) -fPIC -ftls-model=initial-exec -fno-plt -O3 \
	-ffunction-sections -fdata-sections \
	-fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc \
	-fno-builtin-free -fcf-protection=return -fno-stack-protector \
	-Wframe-larger-than=4096
ifneq ($(MODE),release)
LIB_CFLAGS := $(filter-out -O3,$(LIB_CFLAGS))
endif
APP_CFLAGS := $(BASE) $(WARN) -fPIE -fstack-protector-strong -fcf-protection
ifeq ($(MODE),release)
APP_CFLAGS += -D_FORTIFY_SOURCE=2
endif
LINK := -Wl,-z,relro -Wl,-z,now -Wl,--as-needed $(LINK_$(MODE))
# clang leaves a sanitizer's symbols to the program that loads the library.
ifeq ($(filter asan tsan,$(MODE)),)
LINK += -Wl,-z,defs
endif

PROTO_SRC := $(wildcard proto/*.c)
LIB_SRC   := $(wildcard libhakmem/*/*.c)
D_SRC     := $(wildcard hakmemd/*.c hakmemd/*/*.c)
TOP_SRC   := $(wildcard hakmem-top/*.c hakmem-top/*/*.c)

PB_C := $(G)/proto/hakmem.pb-c.c
PB_H := $(G)/proto/hakmem.pb-c.h
PPROF_C := $(G)/hakmemd/export/pprof.pb-c.c
PPROF_H := $(G)/hakmemd/export/pprof.pb-c.h

# Three sets of objects: for the library (pic), for the programs, for tests.
LIB_OBJ   := $(LIB_SRC:%.c=$(B)/lib/%.o) $(PROTO_SRC:%.c=$(B)/lib/%.o) $(B)/lib/hakmem.pb-c.o
PROTO_OBJ := $(PROTO_SRC:%.c=$(B)/app/%.o) $(B)/app/hakmem.pb-c.o
D_OBJ     := $(D_SRC:%.c=$(B)/app/%.o) $(B)/app/pprof.pb-c.o
TOP_OBJ   := $(TOP_SRC:%.c=$(B)/app/%.o)

PROGRAMS := $(B)/libhakmem.so $(B)/hakmemd $(B)/hakmem-top

.PHONY: all deps demo check bench bench-full bench-profile bench-history variants lint layers install uninstall clean tests fuzz
all: $(PROGRAMS)

$(PB_C) $(PB_H) &: proto/hakmem.proto
	@mkdir -p $(G)/proto
	$(call say,PROTOC,$<)$(PROTOC_C) --proto_path=. --c_out=$(G) proto/hakmem.proto

$(PPROF_C) $(PPROF_H) &: hakmemd/export/pprof.proto
	@mkdir -p $(G)/hakmemd
	$(call say,PROTOC,$<)$(PROTOC_C) --proto_path=. --c_out=$(G) hakmemd/export/pprof.proto

$(B)/lib/hakmem.pb-c.o: $(PB_C)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(LIB_CFLAGS) -w -c $< -o $@
$(B)/app/hakmem.pb-c.o: $(PB_C)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(APP_CFLAGS) -w -c $< -o $@
$(B)/app/pprof.pb-c.o: $(PPROF_C)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(APP_CFLAGS) -w -c $< -o $@
$(B)/app/hakmemd/export/heap_pprof.o $(B)/tests/unit/hakmemd/export/test_heap_pprof: | $(PPROF_H)
$(B)/app/hakmemd/export/heap_svg.o: hakmemd/export/flame.js
$(B)/lib/%.o: %.c | $(PB_H)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(LIB_CFLAGS) -c $< -o $@
$(B)/app/%.o: %.c | $(PB_H)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(APP_CFLAGS) $(NCURSES_CFLAGS) -c $< -o $@

# libstdc++ for its demangler only.
D_LIBS := -lprotobuf-c -lz -ldw -lelf -lstdc++ -ldl -lm

PROTOBUF_C_A := $(shell $(CC) -print-file-name=libprotobuf-c.a)

$(B)/libhakmem.so: $(LIB_OBJ) libhakmem/host/libhakmem.map
	$(call say,LD,$@)$(CC) -shared -Wl,-soname,libhakmem.so $(LINK) -Wl,-z,nodelete \
		-Wl,--gc-sections \
		-Wl,--version-script=libhakmem/host/libhakmem.map \
		-Wl,--exclude-libs,ALL $(LIB_OBJ) $(PROTOBUF_C_A) -lpthread -ldl -lm -o $@
$(B)/hakmemd: $(D_OBJ) $(PROTO_OBJ)
	$(call say,LD,$@)$(CC) $(LINK) -pie $^ $(D_LIBS) -o $@
$(B)/hakmem-top: $(TOP_OBJ) $(PROTO_OBJ)
	$(call say,LD,$@)$(CC) $(LINK) -pie $^ -lprotobuf-c $(NCURSES_LIBS) -lm -o $@

# --- tests ---------------------------------------------------------------
# tests/unit/DIR/test_MODULE.c is one program, linked with all modules of DIR but
# its entry points (main, and the shim that exports malloc).
UNIT_SRC := $(wildcard tests/unit/*/test_*.c tests/unit/*/*/test_*.c)
UNIT_BIN := $(UNIT_SRC:%.c=$(B)/%)
UNIT_LIB_OBJ := $(filter-out $(B)/lib/libhakmem/host/shim.o,$(LIB_OBJ))
UNIT_D_OBJ   := $(filter-out $(B)/app/hakmemd/main.o,$(D_OBJ)) $(PROTO_OBJ)
UNIT_TOP_OBJ := $(filter-out $(B)/app/hakmem-top/main.o,$(TOP_OBJ)) $(PROTO_OBJ)

$(B)/tests/unit/proto/%: tests/unit/proto/%.c $(PROTO_OBJ)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(APP_CFLAGS) -Wno-missing-prototypes $< $(PROTO_OBJ) $(LINK_$(MODE)) -lcmocka -lprotobuf-c -lm -o $@
$(B)/tests/unit/libhakmem/%: tests/unit/libhakmem/%.c $(UNIT_LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(LIB_CFLAGS) -Wno-frame-larger-than $< $(UNIT_LIB_OBJ) $(LINK_$(MODE)) $(LINK_TEST) -lcmocka $(PROTOBUF_C_A) -lpthread -ldl -lm -o $@
$(B)/tests/unit/hakmemd/%: tests/unit/hakmemd/%.c $(UNIT_D_OBJ)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(APP_CFLAGS) $< $(UNIT_D_OBJ) $(LINK_$(MODE)) -lcmocka $(D_LIBS) -o $@
$(B)/tests/unit/hakmem-top/%: tests/unit/hakmem-top/%.c $(UNIT_TOP_OBJ)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(APP_CFLAGS) $(NCURSES_CFLAGS) $< $(UNIT_TOP_OBJ) $(LINK_$(MODE)) -lcmocka -lprotobuf-c $(NCURSES_LIBS) -lm -o $@

# Small programs that know nothing of us; some are C++, some are plugins.
TEST_CFLAGS := -std=gnu17 -D_GNU_SOURCE -O1 -g -Wall -Wextra -fno-builtin -I. -MMD -MP
PRELOAD_BIN := $(patsubst %.c,$(B)/%,$(wildcard tests/preload/*.c tests/stress/*.c)) \
	       $(patsubst %.cc,$(B)/%,$(wildcard tests/preload/*.cc))
PRELOAD_SO  := $(patsubst %.c,$(B)/%.so,$(wildcard tests/preload/plugin/*.c)) \
	       $(patsubst %.cc,$(B)/%.so,$(wildcard tests/preload/plugin/*.cc))
# A program with gaps between its segments.
$(B)/tests/unit/libhakmem/unwind/test_object: LINK_TEST := -Wl,-z,max-page-size=0x200000
# Some unit tests load plugins.
$(addprefix $(B)/tests/unit/libhakmem/unwind/,test_dwarf test_module test_unwind test_walk): | $(PRELOAD_SO)
$(B)/tests/preload/plugin/%.so: tests/preload/plugin/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(TEST_CFLAGS) -fPIC -shared $< -o $@
$(B)/tests/preload/plugin/%.so: tests/preload/plugin/%.cc
	@mkdir -p $(@D)
	$(call say,CXX,$<)$(CXX) -std=gnu++17 -O1 -g -Wall -MMD -MP -fPIC -shared $< -o $@
$(B)/tests/preload/%: tests/preload/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(TEST_CFLAGS) $< -lpthread -ldl -o $@
$(B)/tests/stress/%: tests/stress/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(TEST_CFLAGS) -O2 $< -lpthread -ldl -o $@
$(B)/tests/preload/%: tests/preload/%.cc
	@mkdir -p $(@D)
	$(call say,CXX,$<)$(CXX) -std=gnu++17 -O1 -g -Wall -MMD -MP $< -lpthread -ldl -o $@

# The workloads of the benchmark: built like any program, never with our flags.
BENCH_BIN := $(patsubst %.c,$(B)/%,$(wildcard tests/bench/*.c))
$(B)/tests/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) -std=gnu17 -D_GNU_SOURCE -O2 -g -Wall -Wextra -fno-builtin -I. -MMD -MP $< -lpthread -ldl -lm -o $@

# This one measures modules of the library, so it is linked with them.
$(B)/tests/bench/unwind_cost: tests/bench/unwind_cost.c $(UNIT_LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) -std=gnu17 -D_GNU_SOURCE -O2 -g -Wall -Wextra -I. -MMD -MP -fno-omit-frame-pointer $< $(UNIT_LIB_OBJ) $(LINK_$(MODE)) $(PROTOBUF_C_A) -lpthread -ldl -lm -o $@

tests: $(PROGRAMS) $(UNIT_BIN) $(PRELOAD_BIN) $(PRELOAD_SO) $(BENCH_BIN)

check: deps
	@$(MAKE) tests || { echo 'check: the build failed; again: make tests' \
		'$(if $(filter-out release,$(MODE)),MODE=$(MODE) )$(if $(WERROR),WERROR=1 )V=1'; exit 1; }
	@tests/run --build $(B)

bench: deps
	$(MAKE) $(PROGRAMS) $(BENCH_BIN)
	tests/bench/run --build $(B) $(if $(ONLY),--only '$(ONLY)')
ifndef ONLY
	tests/bench/profilers --build $(B) --rounds 3 --only lua
	$(B)/tests/bench/unwind_cost
endif
bench-full: deps
	$(MAKE) $(PROGRAMS) $(BENCH_BIN)
	tests/bench/run --full --build $(B) $(if $(ONLY),--only '$(ONLY)')

# The library with older headers, for bench-history only.
variants:
	tests/bench/variants/build build/variant
bench-history: deps
	$(MAKE) $(PROGRAMS) $(BENCH_BIN) variants
	tests/bench/history --build $(B)

# What a heap profile costs whole programs, and a stack.
bench-profile: deps
	$(MAKE) $(PROGRAMS) $(B)/tests/bench/unwind_cost
	tests/bench/profilers --build $(B)
	$(B)/tests/bench/unwind_cost

layers:
	tests/layers
	tests/modules

# A minute for each fuzzer; tests/fuzz/run --help says more.
fuzz: $(PB_H) $(PPROF_H)
	tests/fuzz/run

lint: $(PB_H) $(PPROF_H)
	clang-format --dry-run -Werror $(filter %.c %.h,$(shell git ls-files '*.c' '*.h'))
	tests/layers
	tests/modules
	shellcheck $(shell git grep -lE '^#!.*\b(sh|bash)$$' -- tests .ci)
	$(MAKE) tidy

# One process a file: clang-tidy 14 says nonsense of va_list in all but the first.
TIDY := $(LIB_SRC) $(D_SRC) $(TOP_SRC) $(PROTO_SRC)
.PHONY: tidy $(TIDY:%=tidy/%)
tidy: $(TIDY:%=tidy/%)
$(TIDY:%=tidy/%): tidy/%: | $(PB_H) $(PPROF_H)
	$(call say,TIDY,$*)clang-tidy --quiet $* -- -std=gnu17 -D_GNU_SOURCE -I. -I$(G) \
		-DHAKMEM_VERSION='"lint"' -Wno-unknown-attributes 2>/dev/null

deps:
	@tests/deps

demo: deps
	$(MAKE) all
	tests/demo --build $(B) $(if $(CMD),--command '$(subst ','\'',$(CMD))')

# Documents lie as in the tree, for their links.
DOC = $(DESTDIR)$(PREFIX)/share/doc/hakmem
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/hakmem $(DOC)/docs
	install -m 755 $(B)/hakmemd $(B)/hakmem-top $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(B)/libhakmem.so $(DESTDIR)$(PREFIX)/lib/hakmem/
	install -m 644 README.md LICENSE $(wildcard CONTRIBUTING.md) $(DOC)/
	install -m 644 docs/* $(DOC)/docs/
	for file in $(wildcard */README.md */*/README.md); do install -D -m 644 $$file $(DOC)/$$file || exit 1; done
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/hakmemd $(DESTDIR)$(PREFIX)/bin/hakmem-top
	rm -rf $(DESTDIR)$(PREFIX)/lib/hakmem $(DOC)

clean:
	rm -rf build

-include $(shell find $(B) -name '*.d' 2>/dev/null)
