#!/bin/bash
# perl: hashes, regular expressions, sorting, closures, forks, eval of text.
. "$(dirname "$0")/lib.bash"
need perl
daemon_start
cat >"$T/work.pl" <<'PERL'
use strict;
use warnings;
my (%count, @words);
my $state = 42;
sub draw { $state = ($state * 1103515245 + 12345) % 2147483648; $state % $_[0] }
push @words, join '', map { chr(97 + draw(26)) } 0 .. draw(30) for 1 .. 20000;
$count{substr $_, 0, 3}++ for @words;
print "$_ $count{$_}\n" for (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 20];
my $text = join ' ', @words;
my $vowels = () = $text =~ /[aeiou]{2,}/g;
(my $swapped = $text) =~ s/(\w+) (\w+)/$2 $1/g;
print "$vowels ", length $swapped, " ", substr($swapped, 1000, 60), "\n";
my @closures = map { my $n = $_; sub { $n += shift } } 1 .. 20000;
my $sum = 0;
$sum += $_->(3) for @closures;
print "$sum\n";
my %deep;
$deep{$_ % 100}{$_ % 7}{$_} = [1 .. $_ % 20] for 1 .. 10000;
print scalar(map { keys %{$deep{$_}} } keys %deep), "\n";
print eval "my \@a = (" . join(',', 1 .. 20000) . "); scalar \@a", "\n";
for my $n (1 .. 20) {
	pipe my $from, my $to;
	my $pid = fork;
	if (!$pid) { print $to 'x' x ($n * 1000); close $to; exit $n }
	close $to;
	local $/;
	my $got = <$from>;
	waitpid $pid, 0;
	print length($got), ' ', $? >> 8, "\n";
}
my $page = 'x' x 1000000;
$page .= $page for 1 .. 5;
print length $page, ' ', sprintf('%5000d', 7) =~ tr/ //, "\n";
PERL
same perl perl "$T/work.pl"
