#!/bin/bash
# lua: tables, strings and coroutines, all of whose memory is realloc's.
. "$(dirname "$0")/lib.bash"
LUA=$(command -v lua5.4 || command -v lua) || skip "lua is not installed"
daemon_start
cat >"$T/work.lua" <<'LUA'
local t = {}
for i = 1, 200000 do t[i] = tostring(i) .. string.rep("x", i % 30) end
table.sort(t)
print(#table.concat(t), t[1], t[#t])
local seen = {}
for _, s in ipairs(t) do local k = s:sub(1, 3); seen[k] = (seen[k] or 0) + 1 end
local keys = {}
for k in pairs(seen) do keys[#keys + 1] = k end
table.sort(keys)
for i = 1, #keys, 100 do io.write(keys[i], " ", seen[keys[i]], "\n") end
local sum = 0
for i = 1, 5000 do
	local co = coroutine.wrap(function(a) for j = 1, 5 do a = a + coroutine.yield(a) end return a end)
	co(i)
	for j = 1, 5 do sum = sum + co(j) end
end
print(sum)
local s = ""
for i = 1, 5000 do s = s .. i end
print(#s, (s:gsub("1", "one")):len())
collectgarbage()
print(collectgarbage("count") > 0)
LUA
same lua "$LUA" "$T/work.lua"
