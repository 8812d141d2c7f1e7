#!/bin/bash
# gcc -O2 and g++ -O2 on big generated files: the same object code; make -j.
. "$(dirname "$0")/lib.bash"
need gcc g++ make python3
daemon_start
python3 - "$T" <<'PY'
import random
import sys

random.seed(3)
with open(sys.argv[1] + "/big.c", "w") as out:
    print("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>", file=out)
    for i in range(60):
        body = "\n".join(
            "\tif (a %% %d == b) s[%d] += a * %d + (unsigned)strlen(t);" %
            (random.randint(2, 99), j, random.randint(2, 999))
            for j in range(random.randint(4, 20)))
        print("struct s%d { int a[%d]; struct s%d *next; };\n"
              "unsigned f%d(unsigned a, unsigned b, unsigned *s, "
              "const char *t)\n{\n\tstruct s%d local = {{%d}, 0};\n%s\n"
              "\tswitch (a) {\n%s\n\t}\n"
              "\treturn s[a %% 4] + (unsigned)local.a[b %% 2]%s;\n}" %
              (i, i % 9 + 2, i, i, i, i, body,
               "\n".join("\tcase %d: return b * %d;" % (k * 3, k + i)
                         for k in range(12)),
               " + f%d(b, a, s, t)" % (i - 1) if i else ""), file=out)
with open(sys.argv[1] + "/big.cc", "w") as out:
    print("#include <algorithm>\n#include <functional>\n#include <map>\n"
          "#include <memory>\n#include <string>\n"
          "#include <unordered_map>\n#include <vector>", file=out)
    for i in range(6):
        print("template <int N> struct T%d { std::map<std::string, "
              "std::vector<int>> m; std::function<int(int)> f;\n"
              "int run(int x) { m[std::to_string(x)].push_back(N); "
              "std::sort(m[\"a\"].begin(), m[\"a\"].end(), [](int a, int b)"
              " { return a > b; }); f = [=, this](int y) { return y + x + N +"
              " int(m.size()); }; return f(x); } };\n"
              "int g%d(int x) { T%d<%d> t; std::unordered_map<int, "
              "std::unique_ptr<std::string>> u; u[x] = std::make_unique"
              "<std::string>(\"x\"); return t.run(x) + int(u.size()); }" %
              (i, i, i, i), file=out)
PY
same gcc-object sh -c "gcc -O2 -g -c '$T/big.c' -o out.o && cat out.o"
same g++-object sh -c "g++ -std=gnu++20 -O2 -c '$T/big.cc' -o out.o && cat out.o"
same errors sh -c "! gcc -Wall -c -x c - -o out.o <'$T/big.cc'"

mkdir "$T/tree"
for i in $(seq 1 12); do
	echo "int f$i(int x) { return x * $i; }" >"$T/tree/f$i.c"
done
cat >"$T/tree/Makefile" <<'MAKE'
O = $(patsubst %,$(OUT)/f%.o,$(shell seq 1 12))
$(OUT)/lib.a: $O
	@ar rcD $@ $^
	@ranlib -D $@
$(OUT)/%.o: $(TREE)/%.c
	@gcc -O2 -c $< -o $@
MAKE
same make sh -c "make -s -j2 -f '$T/tree/Makefile' TREE='$T/tree' OUT=. &&
	cat lib.a && ld -shared --whole-archive lib.a -o lib.so && cat lib.so"
