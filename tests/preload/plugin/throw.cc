// A C++ library that a C program loads: throws and catches inside itself.
#include <stdexcept>
#include <string>

struct Guard {
	int *count;
	~Guard()
	{
		++*count;
	}
};

static void deep(int depth, int *count)
{
	Guard guard{count};

	if (depth == 0)
		throw std::runtime_error(std::string(200, 'e'));
	deep(depth - 1, count);
}

// The number of destructors that ran while `times` exceptions unwound.
extern "C" int plugin_throw(int times)
{
	int count = 0;

	for (int i = 0; i < times; i++)
		try {
			deep(9, &count);
		} catch (const std::exception &e) {
			if (std::string(e.what()).size() != 200)
				return -1;
		}
	return count;
}
