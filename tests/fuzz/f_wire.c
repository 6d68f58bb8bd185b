/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a datagram between our processes: no crash; what is accepted can be encoded again and is as long, octet for octet when its
 * fields stand in the order of their numbers. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void encode(const struct wire_msg *msg, struct jwk11_buf *out)
{
	wire_begin(out, msg->type, msg->id);
	for (unsigned f = 1; f < WIRE_N_FIELDS; f++)
		if (msg->field[f].data != NULL)
			wire_add(out, (enum wire_field)f, msg->field[f]);
	must(out->failed == JWK11_OK);
}

static void check_fields(struct jwk11_view datagram, const struct wire_msg *msg)
{
	const char *start = datagram.data;
	char text[64];
	uint64_t n;

	must(strcmp(wire_type_name(msg->type), "unknown") != 0 && msg->field[0].data == NULL);
	for (unsigned f = 1; f < WIRE_N_FIELDS; f++) {
		const char *p = msg->field[f].data;
		bool fits = p != NULL && msg->field[f].len < sizeof(text);

		must(p == NULL || (p >= start && (size_t)(p - start) + msg->field[f].len <= datagram.len));
		must(wire_num(msg, (enum wire_field)f, &n) == (p != NULL && msg->field[f].len == sizeof(n)));
		must(wire_str(msg, (enum wire_field)f, text, sizeof(text)) == fits);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jwk11_view datagram = { .data = data, .len = size };
	struct jwk11_buf out = J11_BUF(WIRE_MAX), again = J11_BUF(WIRE_MAX);
	struct wire_msg msg, second;
	struct jwk11_err err = { 0 };

	if (wire_decode(datagram, &msg, &err) != JWK11_OK) {
		must(err.rc == JWK11_ERR_SYNTAX && err.text[0] != '\0');
		return 0;
	}
	check_fields(datagram, &msg);
	encode(&msg, &out);
	must(out.len == size);
	must(wire_decode(j11_buf_view(&out), &second, NULL) == JWK11_OK);
	must(second.type == msg.type && second.id == msg.id);
	for (unsigned f = 1; f < WIRE_N_FIELDS; f++)
		must((msg.field[f].data == NULL) == (second.field[f].data == NULL) && j11_view_equal(msg.field[f], second.field[f]));
	encode(&second, &again);
	must(j11_view_equal(j11_buf_view(&out), j11_buf_view(&again)));
	j11_buf_done(&out);
	j11_buf_done(&again);
	return 0;
}
