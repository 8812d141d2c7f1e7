// operator new and delete in all forms reach the heap, throw and never abort.
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "check.h"

static int handler_calls;

static void give_up()
{
	if (++handler_calls == 3)
		std::set_new_handler(nullptr);
}

template <typename Call> static bool throws(Call call)
{
	try {
		call();
	} catch (const std::bad_alloc &) {
		return true;
	}
	return false;
}

struct alignas(128) Wide {
	char bytes[300];
};

static void plain()
{
	for (size_t n = 0; n < 300000; n = n * 2 + 1) {
		void *a = ::operator new(n);
		void *b = ::operator new[](n);
		void *c = ::operator new(n, std::nothrow);

		CHECK(a && b && c && aligned_to(a, 16));
		fill(a, n, 1);
		fill(b, n, 2);
		fill(c, n, 3);
		CHECK(filled(a, n, 1) && filled(b, n, 2) && filled(c, n, 3));
		::operator delete(a, n);
		::operator delete[](b);
		::operator delete(c, std::nothrow);
		void *d = ::operator new(n, std::align_val_t(256));
		CHECK(aligned_to(d, 256));
		fill(d, n, 4);
		::operator delete(d, n, std::align_val_t(256));
		d = ::operator new[](n, std::align_val_t(4096), std::nothrow);
		CHECK(aligned_to(d, 4096));
		::operator delete[](d, std::align_val_t(4096));
	}
	::operator delete(nullptr);
	std::vector<Wide> wide(10);
	CHECK(aligned_to(&wide[3], 128));
	CHECK(aligned_to(std::make_unique<Wide>().get(), 128));
}

static void exhausted()
{
	const size_t absurd = hide_size(PTRDIFF_MAX);

	CHECK(throws([=] { hide(::operator new(absurd)); }));
	CHECK(throws([=] { hide(::operator new[](absurd)); }));
	CHECK(throws(
		[=] { hide(::operator new(absurd, std::align_val_t(64))); }));
	CHECK(!::operator new(absurd, std::nothrow));
	CHECK(!::operator new(absurd, std::align_val_t(64), std::nothrow));
	CHECK(throws([=] { std::vector<char> v(absurd); }));
	std::set_new_handler(give_up);
	CHECK(throws([=] { hide(::operator new(absurd)); }));
	CHECK(handler_calls == 3);
}

static void containers()
{
	std::map<std::string, std::vector<std::string>> map;

	for (int i = 0; i < 20000; i++)
		map["key " + std::to_string(i % 700)].push_back(
			std::string(size_t(i % 300), char('a' + i % 26)));
	for (const auto &[key, values] : map)
		for (const auto &value : values)
			CHECK(value.find_first_not_of(value[0]) ==
			      std::string::npos);
	for (int i = 0; i < 2000; i++)
		try {
			throw std::runtime_error(std::string(1000, 'x'));
		} catch (const std::exception &e) {
			CHECK(strlen(e.what()) == 1000);
		}
}

int main()
{
	plain();
	containers();
	std::thread(containers).join();
	exhausted();
	return 0;
}
