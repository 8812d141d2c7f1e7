// A C++ library that a C program loads: waits with an object on the stack,
// whose destructor must run when the thread is canceled.
#include <string>
#include <unistd.h>

struct Guard {
	int *count;
	std::string text;
	~Guard()
	{
		*count += text.size() == 500;
	}
};

static void wait(int depth, int *count)
{
	Guard guard{count, std::string(500, 'g')};

	if (depth > 0)
		wait(depth - 1, count);
	else {
		// Waits from here on; a multiple of the ten.
		__atomic_store_n(count, 1000, __ATOMIC_RELEASE);
		sleep(1000);
	}
}

extern "C" void plugin_wait(int *count)
{
	wait(9, count);
}
