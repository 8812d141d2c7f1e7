#!/bin/bash
# php loads its extensions with RTLD_DEEPBIND: one heap all the same.
. "$(dirname "$0")/lib.bash"
need php
daemon_start
cat >"$T/work.php" <<'PHP'
<?php
mt_srand(5);
$words = [];
for ($i = 0; $i < 30000; $i++) $words[] = str_repeat(chr(97 + mt_rand(0, 25)), mt_rand(1, 40));
sort($words);
echo sha1(json_encode($words)), "\n";
echo count(json_decode(json_encode(array_count_values($words)), true)), "\n";
preg_match_all('/(a+)(b+)/', implode('', $words), $found);
echo count($found[0]), ' ', strlen(implode('', $words)), "\n";
echo sha1(serialize(unserialize(serialize(array_chunk($words, 7))))), "\n";
foreach (['ctype', 'tokenizer', 'dom', 'simplexml', 'mbstring', 'sqlite3', 'curl', 'zlib', 'iconv', 'posix'] as $e)
	if (extension_loaded($e)) echo "$e\n";
if (function_exists('token_get_all')) echo count(token_get_all(file_get_contents(__FILE__))), "\n";
if (function_exists('gzcompress')) echo strlen(gzuncompress(gzcompress(implode($words)))), "\n";
if (function_exists('iconv')) echo strlen(iconv('UTF-8', 'UTF-16', implode($words))), "\n";
if (class_exists('DOMDocument')) {
	$d = new DOMDocument;
	$d->loadXML('<a>' . str_repeat('<b c="1">x</b>', 5000) . '</a>');
	echo $d->getElementsByTagName('b')->length, ' ', strlen($d->saveXML()), "\n";
}
echo strlen(shell_exec('seq 1 1000')), "\n";
echo setlocale(LC_ALL, 'C'), ' ', gethostbyname('127.0.0.1'), ' ', strlen(realpath('.')) > 0, "\n";
PHP
same php php "$T/work.php"
USE_ZEND_ALLOC=0 same php-malloc php "$T/work.php"
same modules php -m
