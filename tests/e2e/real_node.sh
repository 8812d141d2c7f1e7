#!/bin/bash
# node: buffers, JSON, workers, children, compression, an http server.
. "$(dirname "$0")/lib.bash"
need node
daemon_start
cat >"$T/work.js" <<'JS'
const crypto = require('crypto'), zlib = require('zlib'), http = require('http');
const { Worker, isMainThread, parentPort } = require('worker_threads');
const { execFileSync } = require('child_process');
const hash = (v) => crypto.createHash('sha256').update(v).digest('hex').slice(0, 16);
if (!isMainThread) {
  let s = 0;
  for (let i = 0; i < 200000; i++) s += Buffer.alloc(i % 100).length;
  parentPort.postMessage(s);
} else {
  const list = Array.from({ length: 50000 }, (_, i) => ({ i, t: String(i).repeat(i % 9) }));
  console.log('json', hash(JSON.stringify(JSON.parse(JSON.stringify(list)))));
  const data = Buffer.from(Array.from({ length: 500000 }, (_, i) => i * 7919 % 251));
  console.log('zlib', zlib.gunzipSync(zlib.gzipSync(data)).equals(data),
    zlib.brotliDecompressSync(zlib.brotliCompressSync(data.subarray(0, 50000))).length);
  let total = 0;
  for (let i = 0; i < 20000; i++) total += Buffer.allocUnsafeSlow(i % 3000).length;
  console.log('buffers', total);
  console.log('child', execFileSync(process.execPath, ['-p', '"x".repeat(100000).length']).toString().trim());
  const worker = new Promise((done) => new Worker(__filename).on('message', done));
  const server = http.createServer((q, r) => r.end(q.url.repeat(1000)));
  worker.then((s) => {
    console.log('worker', s);
    server.listen(process.argv[2], async () => {
      let bytes = 0;
      for (let i = 0; i < 200; i++)
        await new Promise((done) => http.get({ socketPath: process.argv[2], path: '/' + i }, (r) => {
          r.on('data', (d) => { bytes += d.length; });
          r.on('end', done);
        }));
      console.log('http', bytes);
      server.close();
      process.exitCode = 0;
    });
  });
}
JS
same node sh -c "exec node '$T/work.js' \"\$PWD/s\""
[ "$(wc -l <"$T/node.out")" = 6 ] || fail "not all parts ran: $(cat "$T/node.out")"
