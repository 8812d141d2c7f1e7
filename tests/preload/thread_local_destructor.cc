// C++ thread_local objects are destroyed at thread exit and free what they own.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "check.h"

static std::atomic<int> destroyed;

struct Holder {
	std::vector<std::string> names;
	~Holder()
	{
		std::vector<std::string> copy(names);

		for (size_t i = 0; i < copy.size(); i++)
			CHECK(copy[i] == std::string(100 + i, 'n'));
		destroyed++;
	}
};

static thread_local Holder holder;
static thread_local std::string text;

static void live()
{
	for (size_t i = 0; i < 50; i++)
		holder.names.emplace_back(100 + i, 'n');
	text = std::string(5000, 't');
}

int main()
{
	for (int round = 0; round < 100; round++) {
		std::vector<std::thread> threads;

		for (int i = 0; i < 8; i++)
			threads.emplace_back(live);
		for (auto &thread : threads)
			thread.join();
	}
	CHECK(destroyed == 800);
	return 0;
}
