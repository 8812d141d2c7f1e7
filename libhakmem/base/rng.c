#include "libhakmem/base/rng.h"

#include "libhakmem/base/clock.h"

#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

uint64_t rng_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x * 0x2545F4914F6CDD1Du;
}

double rng_unit(uint64_t *state)
{
	return ((double)(rng_next(state) >> 11) + 1.0) * 0x1p-53;
}

/* x = m * 2^e with m in [sqrt(1/2), sqrt(2)); then the series of atanh. */
double rng_log(double x)
{
	uint64_t bits;
	int exponent;
	double m, s, s2, sum;

	memcpy(&bits, &x, sizeof(bits));
	exponent = (int)(bits >> 52) - 1023;
	bits = (bits & 0x000FFFFFFFFFFFFFu) | 0x3FF0000000000000u;
	memcpy(&m, &bits, sizeof(m));
	if (m > 1.4142135623730951) {
		m *= 0.5;
		exponent++;
	}
	s = (m - 1.0) / (m + 1.0);
	s2 = s * s;
	sum = 1.0 / 11;
	sum = sum * s2 + 1.0 / 9;
	sum = sum * s2 + 1.0 / 7;
	sum = sum * s2 + 1.0 / 5;
	sum = sum * s2 + 1.0 / 3;
	sum = sum * s2 + 1.0;
	return 2.0 * s * sum + exponent * 0.6931471805599453;
}

/* e^-x = (e^(-x/2^k))^(2^k), the inner one by its series. */
double rng_exp_neg(double x)
{
	double small, sum;
	int halvings = 0;

	if (x > 700.0)
		return 0.0;
	while (x > 0.125) {
		x *= 0.5;
		halvings++;
	}
	small = -x;
	sum = 1.0 + small / 7;
	sum = 1.0 + small / 6 * sum;
	sum = 1.0 + small / 5 * sum;
	sum = 1.0 + small / 4 * sum;
	sum = 1.0 + small / 3 * sum;
	sum = 1.0 + small / 2 * sum;
	sum = 1.0 + small * sum;
	while (halvings-- > 0)
		sum *= sum;
	return sum;
}

double rng_exponential(uint64_t *state, uint64_t mean)
{
	double draw = -rng_log(rng_unit(state)) * (double)mean;

	return draw < 0x1p62 ? draw : 0x1p62;
}

uint64_t rng_seed(void)
{
	const unsigned char *random =
		(const unsigned char *)getauxval(AT_RANDOM);
	uint64_t seed = 0x9E3779B97F4A7C15u;

	if (random)
		memcpy(&seed, random, sizeof(seed));
	seed ^= clock_now() * 0xBF58476D1CE4E5B9u;
	seed ^= (uint64_t)getpid() * 0xC2B2AE3D27D4EB4Fu;
	rng_next(&seed);
	return seed ? seed : 1;
}
