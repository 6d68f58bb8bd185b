/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between our own processes: one SOCK_SEQPACKET datagram each, a fixed head and typed fields, decoded to the last octet.
 * PROTOCOL.md describes the bytes. Pure encoding and decoding, plus one send and one receive function that carry a descriptor. */
#ifndef WIRE_H
#define WIRE_H

#include <stdint.h>

#include "base/buf.h"

#define WIRE_MAX (192u * 1024u) /* octets of one datagram */
#define WIRE_VERSION 1

enum wire_type {
	/* front -> worker */
	WIRE_SIGN = 1, WIRE_JWS, WIRE_JWT, /* requests; the client's descriptor rides along */
	/* worker -> front */
	WIRE_REPLY, WIRE_FAULT,            /* answer, or problem, to the request with the same id */
	WIRE_CATALOG_BEGIN, WIRE_CATALOG_TOKEN, WIRE_CATALOG_KEY, WIRE_CATALOG_END, /* what this worker's module holds now */
	/* supervisor <-> front, supervisor <-> worker (control sockets) */
	WIRE_CONFIG,      /* sup -> both: a descriptor of a memory file with the canonical configuration; the id numbers it */
	WIRE_WORKER,      /* sup -> front: a new worker's socket (descriptor), MODULE and INDEX */
	WIRE_DRAIN,       /* sup -> front: stop accepting, finish, exit */
	WIRE_READY,       /* front or worker -> sup, after each CONFIG, with its id */
	WIRE_WORKER_LATE, /* front -> sup: this worker (MODULE, INDEX) missed a deadline; end it */
	WIRE_LOGIN_ASK, WIRE_LOGIN_GO, WIRE_LOGIN_DONE, /* worker -> sup, sup -> worker, worker -> sup: one login at a time */
	WIRE_DECRYPT,     /* front -> worker: as SIGN */
	WIRE_VERIFY,      /* the same */
	WIRE_PING, WIRE_PONG, /* sup -> front or worker, and back: are you there? */
	WIRE_TALLY,       /* worker -> front: its numbers (tally.h) */
	WIRE_WHO,         /* front -> worker: who is it whose descriptor this is? */
	WIRE_WHO_IS,      /* worker -> front: the answer, what is known of it */
	WIRE_AUDIT,       /* sup -> worker: the audit file from now on (descriptor) */
	WIRE_LOGIN, WIRE_LOGOUT, /* front -> worker: an operator at TOKEN; the client's descriptor rides along */
	WIRE_TOKEN_IS,    /* worker -> front: the answer, unless it is a FAULT: STATE; FLAGS 1: the PIN was tried */
	WIRE_LOGIN_SET,   /* worker -> sup, sup -> worker: what an operator did with TOKEN stands, for workers to come too: STATE "logged-in", with a
	                   * descriptor of a memory file that holds the PIN or without one for the configured PIN; or "logged-out" */
	WIRE_REFUSED,     /* front -> worker, not answered: what the front has refused, for the audit log; the client's descriptor rides along */
	WIRE_RESCAN,      /* front -> worker: as LOGIN; look for keys at TOKEN */
	WIRE_MODULE_DOWN, /* sup -> front: MODULE has no worker, and the one that was to be did not start */
	WIRE_GRPC,        /* sup -> front, sup -> grpc: their socket to each other (descriptor), which replaces the one before */
	WIRE_JWT_GIVEN,   /* grpc -> front -> worker: sign these claims as they are (CLAIMS, base64url); the client's descriptor rides along */
	WIRE_LEAVE,       /* grpc -> front, not answered: nobody waits for the answer to the request with this id any more */
	WIRE_PUBLISHED,   /* front -> grpc: a piece of what FetchKeys answers (PAYLOAD), its number from 0 on (INDEX), the length of the whole (WHOLE) */
	WIRE_SETS,        /* front -> sup: what is published has changed */
	WIRE_FILES,       /* sup -> front: how the files of what is published stand: FLAGS 1: not as they should; MISSED how often a run failed; MOMENT of the
	                   * last good one */
	WIRE_CSR,         /* front -> worker: as SIGN; a certificate request, CSR says for what, SECRET is its challenge password */
	WIRE_N_TYPES
};
enum wire_field {
	WIRE_F_KEY = 1,   /* name or kid as the client wrote it, decoded */
	WIRE_F_ALG, WIRE_F_INPUT, WIRE_F_DIGEST, WIRE_F_HEADER, WIRE_F_PAYLOAD, WIRE_F_CLAIMS, WIRE_F_TTL, WIRE_F_ENCODING,
	WIRE_F_REQUEST_ID,
	WIRE_F_KID, WIRE_F_SIGNATURE, WIRE_F_TEXT,
	WIRE_F_CODE, WIRE_F_HINT, WIRE_F_CKR, WIRE_F_TOKEN,
	WIRE_F_NAME, WIRE_F_STATE, WIRE_F_JWK, WIRE_F_PEM, WIRE_F_LABEL, WIRE_F_MANUFACTURER, WIRE_F_MODEL, WIRE_F_SERIAL, WIRE_F_PIN,
	WIRE_F_MODULE, WIRE_F_INDEX, WIRE_F_LIBRARY, WIRE_F_KTY, WIRE_F_BITS,
	WIRE_F_JWE, WIRE_F_PLAINTEXT,
	WIRE_F_ID,         /* CKA_ID in hexadecimal */
	WIRE_F_THUMBPRINT, /* RFC 7638, whatever the kid is */
	WIRE_F_UNPROTECTED, WIRE_F_FORM, WIRE_F_FLAGS, WIRE_F_TYP, WIRE_F_CTY, WIRE_F_JWS, /* of JWS: enum jwk11_jws_form, enum jwk11_jws_flags */
	WIRE_F_X5C, WIRE_F_X5T, /* the values of x5c, as JSON, and of x5t#S256 */
	WIRE_F_NOTE,       /* what is to be said about the certificates */
	WIRE_F_HEALTH,     /* bits of enum jwk11_health; absent: 0 */
	WIRE_F_COSE,       /* the COSE_Key, base64url */
	WIRE_F_UNIT, WIRE_F_EXECUTABLE, /* of a peer */
	WIRE_F_SECRET,     /* an operator's PIN */
	WIRE_F_MISSED,     /* refusals before this one that nobody was told of */
	WIRE_F_MOMENT,     /* of a version: from when it signs, in seconds since 1970 (0: no moment in its label); or of what else the type says */
	WIRE_F_WHOLE,      /* 1: all tokens of the module were searched for versions of this key */
	WIRE_F_TEMPLATE, WIRE_F_PARAMETERS, /* of a proof: its name, and a JSON object */
	WIRE_F_TALLY,      /* 8-octet numbers in the order of tally.h */
	WIRE_F_CSR,        /* what a certificate request is to hold: an object as jose/csr_text.h has it */
	WIRE_F_DER,        /* a certificate request */
	WIRE_N_FIELDS
};

/* A decoded message; views into the datagram. A field that is absent has data == NULL. Numbers travel as 8 octets. */
struct wire_msg {
	enum wire_type type;
	uint64_t id;
	struct jwk11_view field[WIRE_N_FIELDS];
};

/* Starts a message in an empty buffer (maximum at least WIRE_MAX). */
void wire_begin(struct jwk11_buf *out, enum wire_type type, uint64_t id);
void wire_add(struct jwk11_buf *out, enum wire_field field, struct jwk11_view value);
void wire_add_str(struct jwk11_buf *out, enum wire_field field, const char *value);
void wire_add_num(struct jwk11_buf *out, enum wire_field field, uint64_t value);

/* Refuses: wrong version, unknown type or field, repeated field, a field that the type's row does not list or whose mandatory ones are
 * missing, lengths that do not end exactly at the end. Each text field is checked to be UTF-8 without NUL. */
enum jwk11_rc wire_decode(struct jwk11_view datagram, struct wire_msg *ret_msg, struct jwk11_err *err) J11_MUST_USE;
bool wire_num(const struct wire_msg *msg, enum wire_field field, uint64_t *ret_n) J11_MUST_USE;
/* Copies a text field, NUL-terminated; false when absent or longer than room - 1. */
bool wire_str(const struct wire_msg *msg, enum wire_field field, char *ret_text, size_t room) J11_MUST_USE;
const char *wire_type_name(enum wire_type type);

#define WIRE_TOKEN_MAX 65 /* octets of a token's name, with the NUL */
/* A whole LOGIN_SET, and what one says; false: a name that is none, or a state that there is not. */
void wire_login_set(struct jwk11_buf *out, uint64_t at_us, const char *token, bool is_out);
bool wire_login_take(const struct wire_msg *msg, char ret_token[WIRE_TOKEN_MAX], bool *ret_out) J11_MUST_USE;

/* Sends one datagram with fd (or -1). 0, or an errno value (EAGAIN when the socket is full). Never raises SIGPIPE. */
int wire_send(int sock, struct jwk11_view datagram, int fd) J11_MUST_USE;
/* Receives into room octets. Returns the length, 0 at end of file, or -errno. *ret_fd is a close-on-exec descriptor or -1; further ones are
 * closed. A datagram that was cut gives -EMSGSIZE. */
long wire_recv(int sock, void *room, size_t room_len, int flags, int *ret_fd) J11_MUST_USE;

#endif
