#!/bin/bash
# nginx with two workers serves files, compresses, redirects, reloads, quits.
. "$(dirname "$0")/lib.bash"
need nginx curl
daemon_start
mkdir -p "$T/www" "$T/logs"
seq 1 100000 >"$T/www/big.txt"
echo hello >"$T/www/index.html"
chmod -R a+rX "$T"
cat >"$T/nginx.conf" <<CONF
$([ "$(id -u)" = 0 ] && echo 'user nobody nogroup;')
daemon off;
master_process on;
worker_processes 2;
pid $T/nginx.pid;
error_log $T/error.log warn;
env LD_PRELOAD;
env HAKMEM_SOCKET;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path $T/b1;
	proxy_temp_path $T/b2;
	fastcgi_temp_path $T/b3;
	uwsgi_temp_path $T/b4;
	scgi_temp_path $T/b5;
	gzip on;
	gzip_types text/plain;
	types { text/plain txt; text/html html; }
	server {
		listen unix:$T/web.sock;
		root $T/www;
		location /moved { return 302 /index.html; }
		location /proxy/ { proxy_pass http://unix:$T/web.sock:/; }
	}
}
CONF
background nginx nginx -p "$T" -e "$T/error.log" -c "$T/nginx.conf"
NGINX=$PID
get() {
	curl -sS --unix-socket "$T/web.sock" "$@"
}
until_true get http://x/ || fail "no answer: $(tail -n 3 "$T/error.log")"
preloaded "$NGINX" || fail "nginx runs without the library"
[ "$(get http://x/)" = hello ] || fail "index page"
[ "$(get -o /dev/null -w '%{http_code}' http://x/moved)" = 302 ] || fail "redirect"
[ "$(get -o /dev/null -w '%{http_code}' http://x/none)" = 404 ] || fail "missing file"
many() {
	for _ in $(seq 1 60); do
		get --compressed http://x/proxy/big.txt | cmp - "$T/www/big.txt" ||
			return 1
		get http://x/big.txt -r 1000-2000 -o /dev/null || return 1
	done
}
many & one=$!
many & two=$!
kill -HUP $NGINX
sleep 0.5
kill -HUP $NGINX
wait $one || fail "wrong bytes served"
wait $two || fail "wrong bytes served"
[ "$(get http://x/)" = hello ] || fail "after a reload"
kill -QUIT $NGINX
wait $NGINX || fail "nginx ended with $?"
grep -E 'alert|emerg|crit|signal [0-9]+ \(core|^hakmem: ' "$T/error.log" "$T/nginx.log" &&
	fail "nginx complained"
exit 0
