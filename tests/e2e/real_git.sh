#!/bin/bash
# git: 200 files, branches, a merge, gc, fsck; the same objects.
. "$(dirname "$0")/lib.bash"
need git
daemon_start
cat >"$T/work.sh" <<'GIT'
set -e
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a
export GIT_COMMITTER_EMAIL=a@b GIT_AUTHOR_DATE='1600000000 +0000'
export GIT_COMMITTER_DATE='1600000000 +0000'
git init -q -b main .
for i in $(seq 1 200); do
	seq "$i" 37 $((i * 40)) >"file$i"
done
git add .
git commit -q -m first
git checkout -q -b side
for i in $(seq 1 3 200); do
	echo "side $i" >>"file$i"
done
git commit -q -a -m side
git checkout -q main
for i in $(seq 2 3 200); do
	echo "main $i" >"file$i"
done
git commit -q -a -m main
git merge -q -m merge side
git gc -q --aggressive
git fsck --full --strict
git log --stat --format='%H %s' | sha256sum
git diff HEAD~1 | sha256sum
git grep -c '7' | tail -n 3
git archive HEAD | sha256sum
git clone -q . copy
git -C copy blame file2 | sha256sum
git count-objects -v | grep -v size
GIT
same git bash "$T/work.sh"
grep -q 'in-pack: [1-9]' "$T/git.out" || fail "nothing was packed"
