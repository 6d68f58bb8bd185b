/* SPDX-License-Identifier: Apache-2.0 */
/* Plain messages to the supervisor. */
#include "work_sock.h"

#include "log.h"

void work_sock_tell(enum wire_type type, uint64_t id)
{
	struct jwk11_buf out = J11_BUF(256);

	wire_begin(&out, type, id);
	if (out.failed != JWK11_OK || wire_send(WORK_SOCK_CONTROL, j11_buf_view(&out), -1) != 0)
		log_event(LOG_LEVEL_WARNING, "control-send-failed", "type", wire_type_name(type), NULL);
	j11_buf_done(&out);
}
