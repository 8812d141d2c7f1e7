#include "libhakmem/stream/look.h"

#include "libhakmem/base/conf.h"
#include "libhakmem/base/lock.h"
#include "libhakmem/heap/boot.h"
#include "libhakmem/heap/thread.h"
#include "libhakmem/profile/profile.h"
#include "libhakmem/profile/site.h"
#include "libhakmem/stream/publish.h"
#include "libhakmem/stream/sitefeed.h"
#include "libhakmem/unwind/module.h"
#include "proto/frame.h"

static struct look_subject look_subject;
static uint16_t look_last; /* type of the frame before; 0: none yet */

static bool look_begin(const struct look_subject *subject)
{
	lock_exempt(true);
	look_subject = *subject;
	look_last = 0;
	sitefeed_look(subject->all);
	return conf.look && boot_ready();
}

/* The frame that follows one of type `last`; NULL behind the last one. */
static const ProtobufCMessage *look_message(uint16_t last, uint16_t *type)
{
	const Hakmem__Modules *modules;
	const Hakmem__Sites *sites;

	if (last == 0 && look_subject.hello) {
		*type = FRAME_HELLO;
		return &publish_hello(look_subject.pid, look_subject.parent_pid)
				->base;
	}
	if (last == 0 || last == FRAME_HELLO) {
		*type = FRAME_STATE;
		return &publish_state()->base;
	}
	*type = FRAME_MODULES;
	modules = last == FRAME_SITES ? NULL : sitefeed_modules();
	if (modules)
		return &modules->base;
	*type = FRAME_SITES;
	sites = sitefeed_sites();
	return sites ? &sites->base : NULL;
}

static size_t look_next(uint16_t *type, uint8_t *out, size_t size)
{
	const ProtobufCMessage *message = look_message(look_last, type);
	size_t length =
		message ? protobuf_c_message_get_packed_size(message) : 0;

	if (length == 0 || length > size)
		return 0;
	look_last = *type;
	return protobuf_c_message_pack(message, out);
}

__attribute__((visibility("default"))) const struct look hakmem_look = {
	.version = LOOK_VERSION,
	.begin = look_begin,
	.next = look_next,
	.lock_word = {&thread_lock.word, &profile_lock.word, &site_lock.word,
		      &module_lock.word},
};
