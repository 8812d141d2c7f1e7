#!/bin/bash
# bash: 300 forks, pipelines, arrays, substitutions.
. "$(dirname "$0")/lib.bash"
need bash
daemon_start
cat >"$T/work.sh" <<'BASH'
total=0
for ((i = 0; i < 300; i++)); do
	value=$(echo $((i * 3)))
	((total += value))
done
echo $total
declare -A table
for ((i = 0; i < 5000; i++)); do
	table[key$((i % 700))]+=$i,
done
echo ${#table[@]} ${#table[key5]}
text=$(seq 1 20000)
echo ${#text} ${text: -20}
lines=(${text})
echo ${lines[@]: -5}
text=${text//1/one}
echo ${#text}
seq 1 5000 | while read -r n; do echo $((n % 10)); done | sort | uniq -c
for ((i = 0; i < 30; i++)); do (exit $i) & done
wait
f() { [ "$1" -eq 0 ] || f $(($1 - 1)); }
f 300 && echo deep
cat <(echo one) <(echo two)
exec 3<<<"here"
cat <&3
trap 'echo bye' EXIT
BASH
same bash bash "$T/work.sh"
same sort sh -c 'seq 1 60000 | sort -R --random-source=/bin/ls | sort -n | sha256sum'
same dash sh -c 'for i in $(seq 1 300); do echo $(echo $i); done | tail -n 3'
