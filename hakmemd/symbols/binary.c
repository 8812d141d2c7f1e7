#include "hakmemd/symbols/binary.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hakmemd/symbols/elf.h"

#define VDSO_BYTES_MAX (1u << 20)

static const struct binary binary_nothing = {.elf = NULL, .fd = -1};

void binary_close(struct binary *binary)
{
	if (binary->elf)
		elf_end(binary->elf);
	if (binary->fd >= 0)
		close(binary->fd);
	*binary = binary_nothing;
}

/* Below `root` as if that were "/": no link or ".." leads out of it. */
static int binary_open_below(int root, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC,
			       .resolve =
				       RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* As the process `pid` would open it. */
static int binary_open_there(pid_t pid, const char *path)
{
	char place[64];
	int root, fd;

	snprintf(place, sizeof(place), "/proc/%d/root", (int)pid);
	root = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -1;
	fd = binary_open_below(root, path);
	close(root);
	return fd;
}

/*
 * Opens for reading what an O_PATH descriptor stands for, which it closes.
 * Devices, FIFOs and sockets are never opened: that alone can do something.
 */
static int binary_reopen(int place)
{
	char path[64];
	struct stat info;
	int fd = -1;

	if (place < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", place);
	if (fstat(place, &info) != 0 || !S_ISREG(info.st_mode))
		errno = ENOENT;
	else
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	close(place);
	return fd;
}

static enum binary_result binary_read_elf(struct binary *binary, int fd)
{
	binary->fd = fd;
	if (fd < 0)
		return errno == EACCES || errno == EPERM ? BINARY_UNREADABLE
							 : BINARY_ABSENT;
	elf_version(EV_CURRENT);
	binary->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (binary->elf && elf_kind(binary->elf) == ELF_K_ELF)
		return BINARY_FOUND;
	binary_close(binary);
	return BINARY_NO_ELF;
}

/* Older than the process: nothing renamed or wrote it since. */
static bool binary_is_older(int fd, uint64_t started_ns)
{
	struct stat info;

	return fstat(fd, &info) == 0 &&
	       (uint64_t)info.st_ctim.tv_sec * 1000000000u +
			       (uint64_t)info.st_ctim.tv_nsec <
		       started_ns;
}

static enum binary_result binary_verify(struct binary *binary,
					const struct binary_wanted *wanted)
{
	uint8_t id[ELF_BUILD_ID_MAX];
	size_t size = elf_build_id(binary->elf, id);
	enum binary_result result = BINARY_FOUND;

	if (size != wanted->id_bytes ||
	    (size && memcmp(id, wanted->id, size) != 0))
		result = BINARY_DIFFERS;
	else if (size == 0 && !binary_is_older(binary->fd, wanted->started_ns))
		result = BINARY_UNSURE;
	if (result != BINARY_FOUND)
		binary_close(binary);
	return result;
}

static enum binary_result binary_try_file(struct binary *binary, int place,
					  const struct binary_wanted *wanted)
{
	enum binary_result result =
		binary_read_elf(binary, binary_reopen(place));

	return result == BINARY_FOUND ? binary_verify(binary, wanted) : result;
}

/* The kernel's own code: the same in our process, if it is the same. */
static enum binary_result binary_open_vdso(struct binary *binary,
					   const struct binary_wanted *wanted)
{
	char *image = (char *)getauxval(AT_SYSINFO_EHDR);
	Elf64_Ehdr header;
	size_t size;

	if (!image)
		return BINARY_ABSENT;
	memcpy(&header, image, sizeof(header));
	size = header.e_shoff + (size_t)header.e_shnum * header.e_shentsize;
	if (size < sizeof(header) || size > VDSO_BYTES_MAX)
		return BINARY_NO_ELF;
	elf_version(EV_CURRENT);
	binary->elf = elf_memory(image, size);
	if (!binary->elf)
		return BINARY_NO_ELF;
	return binary_verify(binary, wanted);
}

/* The executable itself, also when it was replaced or removed. */
static int binary_open_exe(pid_t pid)
{
	char place[64];

	snprintf(place, sizeof(place), "/proc/%d/exe", (int)pid);
	return open(place, O_PATH | O_CLOEXEC);
}

/* Of two reasons the one that says more; they are in that order. */
static bool binary_improve(enum binary_result *result, enum binary_result next)
{
	if (next == BINARY_FOUND || next > *result)
		*result = next;
	return next == BINARY_FOUND;
}

enum binary_result binary_open(struct binary *binary,
			       const struct binary_wanted *wanted)
{
	enum binary_result result = BINARY_ABSENT;

	*binary = binary_nothing;
	if (strcmp(wanted->path, "[vdso]") == 0)
		return binary_open_vdso(binary, wanted);
	if (*wanted->path != '/')
		return BINARY_ABSENT;
	if (wanted->pid > 0 &&
	    binary_improve(&result,
			   binary_try_file(
				   binary,
				   binary_open_there(wanted->pid, wanted->path),
				   wanted)))
		return result;
	if (binary_improve(&result, binary_try_file(binary,
						    open(wanted->path,
							 O_PATH | O_CLOEXEC),
						    wanted)))
		return result;
	/* Only a build-id tells whether the module is the executable. */
	if (wanted->pid > 0 && wanted->id_bytes &&
	    binary_try_file(binary, binary_open_exe(wanted->pid), wanted) ==
		    BINARY_FOUND)
		return BINARY_FOUND;
	return result;
}

bool binary_adopt(struct binary *binary, int fd,
		  const struct binary_wanted *wanted)
{
	*binary = binary_nothing;
	return binary_read_elf(binary, fd) == BINARY_FOUND &&
	       binary_verify(binary, wanted) == BINARY_FOUND;
}

static bool binary_try_debug(struct binary *debug, const char *path,
			     const struct binary_wanted *wanted)
{
	if (binary_try_file(debug, open(path, O_PATH | O_CLOEXEC), wanted) ==
	    BINARY_FOUND)
		return true;
	return wanted->pid > 0 &&
	       binary_try_file(debug, binary_open_there(wanted->pid, path),
			       wanted) == BINARY_FOUND;
}

static bool binary_by_build_id(struct binary *debug,
			       const struct binary_wanted *wanted,
			       const char *debug_path)
{
	char path[BINARY_PATH_MAX];
	char hex[2 * BINARY_ID_MAX + 1];
	int length;

	for (size_t i = 0; i < wanted->id_bytes && i < BINARY_ID_MAX; i++)
		snprintf(hex + 2 * i, 3, "%02x", wanted->id[i]);
	length = snprintf(path, sizeof(path), "%s/.build-id/%.2s/%s.debug",
			  debug_path, hex, hex + 2);
	return length < (int)sizeof(path) &&
	       binary_try_debug(debug, path, wanted);
}

/* Beside the file, in .debug/ there, and in its directory's double. */
static bool binary_by_link(struct binary *debug,
			   const struct binary_wanted *wanted,
			   const struct binary *binary, const char *debug_path)
{
	const struct {
		const char *before, *after;
	} places[] = {{"", ""}, {"", "/.debug"}, {debug_path, ""}};
	const char *slash = strrchr(wanted->path, '/'), *name;
	char path[BINARY_PATH_MAX];
	GElf_Word sum;

	name = binary->elf && slash ? dwelf_elf_gnu_debuglink(binary->elf, &sum)
				    : NULL;
	if (!name || strchr(name, '/') || !*name)
		return false;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int length =
			snprintf(path, sizeof(path), "%s%.*s%s/%s",
				 places[i].before, (int)(slash - wanted->path),
				 wanted->path, places[i].after, name);

		if (length > 0 && length < (int)sizeof(path) &&
		    binary_try_debug(debug, path, wanted))
			return true;
	}
	return false;
}

bool binary_open_debug(struct binary *debug, const struct binary_wanted *wanted,
		       const struct binary *binary, const char *debug_path)
{
	*debug = binary_nothing;
	if (wanted->id_bytes < 2)
		return false;
	return binary_by_build_id(debug, wanted, debug_path) ||
	       binary_by_link(debug, wanted, binary, debug_path);
}
