#include "hakmemd/peers/listen.h"

#include <dirent.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "tests/unit/hakmemd/harness.h"

static char directory[64], path[96], lock_path[128], why[512];
static struct listen one, two;

static int begin(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/hakmem-listen-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/sock", directory);
	snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
	strcpy(why, "(nothing)");
	return 0;
}

/* What a test left behind, it must have wanted to. */
static int end(void **state)
{
	char inner[128];

	(void)state;
	unlink(path);
	unlink(lock_path);
	snprintf(inner, sizeof(inner), "%s/hakmem", directory);
	rmdir(inner);
	return rmdir(directory);
}

static bool opens(struct listen *listen)
{
	return listen_open(listen, path, false, why, sizeof(why));
}

static bool exists(const char *name)
{
	struct stat info;

	return lstat(name, &info) == 0;
}

static mode_t mode_of(const char *name)
{
	struct stat info;

	assert_int_equal(lstat(name, &info), 0);
	return info.st_mode;
}

static bool connects(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good;

	strcpy(address.sun_path, path);
	good = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return good;
}

/* Not open, and the reason is this line. */
static void refused(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

static void refused(const char *format, ...)
{
	char wanted[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(wanted, sizeof(wanted), format, arguments);
	va_end(arguments);
	assert_false(opens(&one));
	assert_string_equal(why, wanted);
	assert_int_equal(one.fd, -1);
	assert_int_equal(one.lock, -1);
	assert_int_equal(one.directory, -1);
}

static void expect_our_pid(void)
{
	char text[32] = "", pid[32];
	int lock = open(lock_path, O_RDONLY | O_CLOEXEC);

	assert_true(read(lock, text, sizeof(text) - 1) > 0);
	close(lock);
	snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	assert_string_equal(text, pid);
}

static void it_listens_and_leaves_nothing(void **state)
{
	int fd;

	(void)state;
	assert_true(opens(&one));
	assert_true(connects());
	fd = accept4(one.fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	close(fd);
	errno = 0;
	assert_int_equal(accept(one.fd, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN); /* never blocks */
	assert_true(fcntl(one.fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(one.lock, F_GETFD) & FD_CLOEXEC);
	assert_string_equal(one.path, path);
	assert_string_equal(one.lock_path, lock_path);
	/* Whoever reaches it may connect; the lock is ours alone. */
	assert_int_equal(mode_of(path), S_IFSOCK | 0666);
	assert_int_equal(mode_of(lock_path), S_IFREG | 0600);
	expect_our_pid();
	listen_close(&one);
	assert_false(exists(path));
	assert_false(exists(lock_path));
	assert_int_equal(one.fd, -1);
	listen_close(&one); /* again does no harm */
}

static void the_mask_of_the_caller_is_kept(void **state)
{
	mode_t before = umask(027);

	(void)state;
	assert_true(opens(&one));
	assert_int_equal(umask(before), 027);
	assert_int_equal(mode_of(path), S_IFSOCK | 0666);
	listen_close(&one);
}

static void the_second_is_told_of_the_first(void **state)
{
	char wanted[256];

	(void)state;
	assert_true(opens(&one));
	assert_false(opens(&two));
	snprintf(wanted, sizeof(wanted), "another hakmemd (pid %d) serves %s",
		 (int)getpid(), path);
	assert_string_equal(why, wanted);
	assert_true(connects()); /* the first is not disturbed */
	assert_true(exists(lock_path));
	listen_close(&two);
	assert_true(connects());
	listen_close(&one);
	assert_true(opens(&two));
	listen_close(&two);
}

/* Whoever holds the lock, the socket may be gone or not. */
static void the_lock_decides(void **state)
{
	int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
	refused("another hakmemd serves %s", path);
	assert_int_equal(write(lock, "123\nand more", 12), 12);
	refused("another hakmemd (pid 123) serves %s", path);
	assert_true(exists(lock_path));
	close(lock); /* its owner is dead: the file alone holds nobody off */
	assert_true(opens(&one));
	expect_our_pid();
	listen_close(&one);
	assert_false(exists(lock_path));
}

static void bind_at_path(int *fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strcpy(address.sun_path, path);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
		bind(*fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

static void the_socket_of_a_dead_one_is_replaced(void **state)
{
	int dead;

	(void)state;
	bind_at_path(&dead);
	close(dead);
	assert_true(exists(path));
	assert_true(opens(&one));
	assert_true(connects());
	listen_close(&one);
}

/* Somebody without a lock, but alive: not ours to remove. */
static void a_socket_that_is_served_stays(void **state)
{
	int alive;

	(void)state;
	bind_at_path(&alive);
	assert_int_equal(listen(alive, 4), 0);
	refused("another hakmemd serves %s", path);
	assert_true(connects());
	assert_false(exists(lock_path)); /* ours, and removed again */
	close(alive);
}

static void what_is_no_socket_stays(void **state)
{
	char target[128];
	int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(write(file, "x", 1), 1);
	close(file);
	refused("%s is not a socket; remove it or choose another path", path);
	assert_int_equal(mode_of(path), S_IFREG | 0600);
	assert_false(exists(lock_path));
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	refused("%s is not a socket; remove it or choose another path", path);
	rmdir(path);
	snprintf(target, sizeof(target), "%s/elsewhere", directory);
	assert_int_equal(symlink(target, path), 0);
	refused("%s is not a socket; remove it or choose another path", path);
	assert_false(exists(target));
}

static void what_is_no_lock_of_ours_stays(void **state)
{
	char other[128];
	int file;

	(void)state;
	snprintf(other, sizeof(other), "%s/other", directory);
	file = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(file, "precious", 8), 8);
	close(file);
	assert_int_equal(symlink(other, lock_path), 0);
	refused("cannot open the lock %s: Too many levels of symbolic links",
		lock_path);
	unlink(lock_path);
	assert_int_equal(link(other, lock_path), 0);
	refused("the lock %s is not a file of yours; remove it or choose "
		"another path",
		lock_path);
	unlink(lock_path);
	assert_int_equal(mkfifo(lock_path, 0600), 0); /* must not block */
	refused("the lock %s is not a file of yours; remove it or choose "
		"another path",
		lock_path);
	assert_true(exists(lock_path));
	file = open(other, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(file, why, sizeof(why)), 8);
	close(file);
	unlink(other);
}

static void what_belongs_to_others_stays(void **state)
{
	int dead;

	(void)state;
	if (geteuid() != 0)
		skip();
	bind_at_path(&dead);
	close(dead);
	assert_int_equal(chown(path, 65534, 65534), 0);
	refused("%s belongs to user 65534; choose another path", path);
	assert_true(exists(path));
	unlink(path);
	close(open(lock_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(chown(lock_path, 65534, 65534), 0);
	refused("the lock %s is not a file of yours; remove it or choose "
		"another path",
		lock_path);
	assert_true(exists(lock_path));
}

static void a_directory_others_write_to_is_not_trusted(void **state)
{
	(void)state;
	chmod(directory, 0770);
	refused("the directory %s is not to be trusted: it must be yours or "
		"root's, and writable by nobody else",
		directory);
	chmod(directory, 0702);
	refused("the directory %s is not to be trusted: it must be yours or "
		"root's, and writable by nobody else",
		directory);
	assert_false(exists(lock_path));
	chmod(directory, 01777); /* as /tmp */
	assert_true(opens(&one));
	listen_close(&one);
}

static void a_directory_must_be_one(void **state)
{
	char inner[128];

	(void)state;
	snprintf(inner, sizeof(inner), "%s/hakmem", directory);
	snprintf(path, sizeof(path), "%.64s/hakmem/sock", directory);
	refused("the directory %s cannot be used: No such file or directory",
		inner);
	assert_int_equal(symlink("/tmp", inner), 0);
	refused("the directory %s cannot be used: Not a directory", inner);
	unlink(inner);
}

static void the_directory_of_a_derived_path_is_made(void **state)
{
	char inner[128];
	mode_t before = umask(027);

	(void)state;
	snprintf(inner, sizeof(inner), "%s/hakmem", directory);
	snprintf(path, sizeof(path), "%.64s/hakmem/sock", directory);
	snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
	assert_true(listen_open(&one, path, true, why, sizeof(why)));
	assert_int_equal(mode_of(inner), S_IFDIR | 0700);
	assert_int_equal(umask(before), 027);
	listen_close(&one);
	assert_true(exists(inner));
	umask(0777); /* whatever the mask, we can use it */
	rmdir(inner);
	assert_true(listen_open(&one, path, true, why, sizeof(why)));
	assert_int_equal(mode_of(inner), S_IFDIR | 0700);
	umask(before);
	listen_close(&one);
	assert_true(listen_open(&one, path, true, why, sizeof(why)));
	listen_close(&one); /* the directory was there */
}

static void but_not_the_directories_above(void **state)
{
	char wanted[256];

	(void)state;
	snprintf(path, sizeof(path), "%.64s/no/hakmem/sock", directory);
	snprintf(wanted, sizeof(wanted),
		 "cannot make the directory %s/no/hakmem: No such file or "
		 "directory",
		 directory);
	assert_false(listen_open(&one, path, true, why, sizeof(why)));
	assert_string_equal(why, wanted);
}

/* A derived directory that others may write to is not put right, either. */
static void a_derived_directory_is_checked_too(void **state)
{
	char inner[128];

	(void)state;
	snprintf(inner, sizeof(inner), "%s/hakmem", directory);
	snprintf(path, sizeof(path), "%.64s/hakmem/sock", directory);
	assert_int_equal(mkdir(inner, 0700), 0);
	chmod(inner, 0777);
	assert_false(listen_open(&one, path, true, why, sizeof(why)));
	assert_non_null(strstr(why, "is not to be trusted"));
}

static void a_path_has_a_name_and_fits(void **state)
{
	char longest[PATH_SOCKET_MAX + 1];
	size_t used;

	(void)state;
	assert_false(listen_open(&one, "", false, why, sizeof(why)));
	assert_string_equal(why, "'' is no path for a socket");
	assert_false(listen_open(&one, "/tmp/", false, why, sizeof(why)));
	assert_string_equal(why, "'/tmp/' is no path for a socket");
	used = (size_t)snprintf(longest, sizeof(longest), "%s/", directory);
	memset(longest + used, 'x', sizeof(longest) - used);
	longest[PATH_SOCKET_MAX] = '\0';
	assert_false(listen_open(&one, longest, false, why, sizeof(why)));
	assert_string_equal(why, "the socket path is 108 bytes long, the "
				 "system takes 107: choose a shorter one");
	longest[PATH_SOCKET_MAX - 1] = '\0';
	assert_true(listen_open(&one, longest, false, why, sizeof(why)));
	assert_true(exists(longest));
	listen_close(&one);
	assert_false(exists(longest));
}

static void a_path_may_be_relative(void **state)
{
	int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(chdir(directory), 0);
	assert_true(listen_open(&one, "sock", false, why, sizeof(why)));
	assert_true(connects());
	assert_int_equal(chdir("/"), 0);
	listen_close(&one); /* also from elsewhere */
	assert_false(exists(path));
	assert_false(exists(lock_path));
	assert_int_equal(fchdir(before), 0);
	close(before);
}

/* Somebody removed ours and put his own there. */
static void what_is_not_ours_any_more_is_not_removed(void **state)
{
	int other;

	(void)state;
	assert_true(opens(&one));
	unlink(path);
	unlink(lock_path);
	bind_at_path(&other);
	close(open(lock_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	listen_close(&one);
	assert_true(exists(path));
	assert_true(exists(lock_path));
	close(other);
}

static unsigned descriptors(void)
{
	DIR *list = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(list))
		count++;
	closedir(list);
	return count;
}

static void failure_costs_no_descriptor(void **state)
{
	unsigned before;

	(void)state;
	assert_true(opens(&two));
	before = descriptors();
	assert_false(opens(&one));
	assert_int_equal(descriptors(), before);
	listen_close(&two);
	assert_int_equal(descriptors(), before - 3);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(it_listens_and_leaves_nothing),
		CASE(the_mask_of_the_caller_is_kept),
		CASE(the_second_is_told_of_the_first),
		CASE(the_lock_decides),
		CASE(the_socket_of_a_dead_one_is_replaced),
		CASE(a_socket_that_is_served_stays),
		CASE(what_is_no_socket_stays),
		CASE(what_is_no_lock_of_ours_stays),
		CASE(what_belongs_to_others_stays),
		CASE(a_directory_others_write_to_is_not_trusted),
		CASE(a_directory_must_be_one),
		CASE(the_directory_of_a_derived_path_is_made),
		CASE(but_not_the_directories_above),
		CASE(a_derived_directory_is_checked_too),
		CASE(a_path_has_a_name_and_fits),
		CASE(a_path_may_be_relative),
		CASE(what_is_not_ours_any_more_is_not_removed),
		CASE(failure_costs_no_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
