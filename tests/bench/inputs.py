"""Inputs of the real programs, the same on every machine."""
import os

PERL = """my %h; my $x = 1;
for my $i (1 .. 400000) {
    $x = ($x * 1103515245 + 12345) % 2147483648;
    my $k = "key" . ($x % 50000);
    push @{$h{$k}}, "value $x" x (1 + $x % 5);
    delete $h{$k} if @{$h{$k}} > 12;
}
my $s = join ",", map { scalar @{$h{$_}} } sort keys %h;
print length($s), "\\n";
"""
LUA = """local t, x = {}, 1
for i = 1, 300000 do
    x = (x * 1103515245 + 12345) % 2147483648
    t[x % 50000] = {x, tostring(x), {i}}
end
local n = 0
for _, v in pairs(t) do n = n + #v[2] end
print(n)
"""
PYTHON = """import json
x, table = 1, {}
for i in range(300000):
    x = (x * 1103515245 + 12345) % 2147483648
    table[x % 40000] = [str(x), (i, x), {'k': 'v' * (x % 200)}]
text = json.dumps(list(table.values()))
print(len(json.loads(text)), len(text))
"""
SQL = """create table t(a integer primary key, b text, c text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 150000)
insert into t select i, 'name ' || (i * 7919 % 100003), hex(i * 31) from n;
create index tb on t(b);
select count(*), sum(length(b)) from t where b like 'name 1%';
select b, group_concat(c) from t group by b having count(*) > 1 order by b;
update t set c = c || b where a % 3 = 0;
select sum(length(x)) from (select a.c || b.c as x from t a join t b
 on a.b = b.b order by x);
"""


def c_source(functions=200):
    lines = ["#include <stdio.h>", "#include <string.h>", "struct s { int a[8];"
             " double d; struct s *next; };"]
    for i in range(functions):
        lines.append(f"""
int f{i}(struct s *p, int n)
{{
    int sum = {i};
    for (int k = 0; k < n; k++) {{
        p->a[k & 7] += sum ^ (k * {i + 3});
        if (p->a[(k + 1) & 7] > {i * 5}) sum += p->a[k & 7];
        else switch (sum & 7) {{
        case 0: sum += {i}; break; case 1: p = p->next; break;
        case 2: p->d *= 1.5; break; case 3: sum ^= (int)p->d; break;
        default: sum -= k; }}
    }}
    return sum{f' + f{i - 1}(p, n / 2)' if i else ''};
}}""")
    return "\n".join(lines) + "\n"


def cc_source(types=10):
    lines = ["#include <algorithm>", "#include <map>", "#include <memory>",
             "#include <regex>", "#include <string>", "#include <vector>"]
    for i in range(types):
        lines.append(f"""
template <int N> struct t{i} {{ std::string s; int v[N + 1]; }};
int g{i}(int n)
{{
    std::map<int, std::vector<std::unique_ptr<t{i}<{i}>>>> m;
    for (int k = 0; k < n; k++)
        m[k % 7].push_back(std::make_unique<t{i}<{i}>>());
    int sum = 0;
    for (auto &[k, v] : m)
        sum += k + std::count_if(v.begin(), v.end(),
                                 [](auto &p) {{ return p->v[0] == {i}; }});
    return sum;
}}""")
    return "\n".join(lines) + "\n"


def write(directory):
    os.makedirs(directory, exist_ok=True)
    for name, text in (("big.c", c_source()), ("big.cc", cc_source()),
                       ("work.py", PYTHON), ("work.pl", PERL),
                       ("work.lua", LUA), ("work.sql", SQL)):
        with open(os.path.join(directory, name), "w", encoding="ascii") as f:
            f.write(text)
