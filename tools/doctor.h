/* SPDX-License-Identifier: Apache-2.0 */
/* What the checks of `jwk11 doctor` share: what is known before they begin, the codes of findings, and saying one. A check is a row in cmd_doctor.c;
 * what it finds are rows here. */
#ifndef DOCTOR_H
#define DOCTOR_H

#include "cmd.h"
#include "conf.h"
#include "json/json_read.h"
#include "json/json_write.h"
#include "probe.h"

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_ERROR, DOCTOR_N_LEVELS };

/* Code, level, area, in which a finding has them for good: programs rely on the code. docs/doctor.md says what each means. */
#define DOCTOR_CODES(X) \
	X(CONFIG_OK, OK, "config") \
	X(CONFIG_ABSENT, WARN, "config") \
	X(CONFIG_MISSING, ERROR, "config") \
	X(CONFIG_INVALID, ERROR, "config") \
	X(CONFIG_WRITABLE, ERROR, "config") \
	X(CLIENT_NONE, WARN, "config") \
	X(PIN_FILE_OK, OK, "pin") \
	X(PIN_FILE_MISSING, ERROR, "pin") \
	X(PIN_FILE_EMPTY, ERROR, "pin") \
	X(PIN_FILE_OPEN, ERROR, "pin") \
	X(PIN_FOLDER_WRITABLE, ERROR, "pin") \
	X(PIN_UNSEEN, WARN, "pin") \
	X(PIN_CREDENTIAL_OK, OK, "pin") \
	X(PIN_CREDENTIAL_MISSING, ERROR, "pin") \
	X(PIN_CREDENTIAL_UNSEEN, WARN, "pin") \
	X(PIN_REFUSED, WARN, "pin") \
	X(PIN_LOW, WARN, "pin") \
	X(PIN_FINAL_TRY, ERROR, "pin") \
	X(PIN_LOCKED, ERROR, "pin") \
	X(PIN_EXPIRED, ERROR, "pin") \
	X(STATE_OK, OK, "state") \
	X(STATE_MISSING, ERROR, "state") \
	X(STATE_WRITABLE, ERROR, "state") \
	X(STATE_UNSEEN, WARN, "state") \
	X(BROKER_OK, OK, "broker") \
	X(BROKER_ABSENT, ERROR, "broker") \
	X(BROKER_DENIED, ERROR, "broker") \
	X(BROKER_FAILED, ERROR, "broker") \
	X(GROUP_MISSING, ERROR, "broker") \
	X(GROUP_NOT_YET, ERROR, "broker") \
	X(SOCKET_OK, OK, "socket") \
	X(SOCKET_MISSING, ERROR, "socket") \
	X(SOCKET_OPEN, ERROR, "socket") \
	X(SOCKET_CLOSED, WARN, "socket") \
	X(SOCKET_FOLDER_WRITABLE, ERROR, "socket") \
	X(SOCKET_UNSEEN, WARN, "socket") \
	X(MODULE_OK, OK, "modules") \
	X(MODULE_UNREGISTERED, ERROR, "modules") \
	X(MODULE_DISABLED, ERROR, "modules") \
	X(MODULE_FILE_MISSING, ERROR, "modules") \
	X(MODULE_FAILED, ERROR, "modules") \
	X(MODULE_CRASHED, ERROR, "modules") \
	X(MODULE_HANGS, ERROR, "modules") \
	X(MODULE_TWICE, WARN, "modules") \
	X(MODULE_NOT_ENABLED, WARN, "modules") \
	X(MODULE_NONE, ERROR, "modules") \
	X(MODULE_UNSEEN, WARN, "modules") \
	X(DEVICE_OK, OK, "device") \
	X(PCSCD_ABSENT, ERROR, "device") \
	X(PCSCD_DENIED, WARN, "device") \
	X(POLKIT_RULE_ABSENT, WARN, "device") \
	X(TPM_ABSENT, ERROR, "device") \
	X(TPM_DENIED, ERROR, "device") \
	X(TOKEN_OK, OK, "token") \
	X(TOKEN_ABSENT, ERROR, "token") \
	X(TOKEN_AMBIGUOUS, ERROR, "token") \
	X(TOKEN_LOGGED_OUT, ERROR, "token") \
	X(TOKEN_PIN_PAD, ERROR, "token") \
	X(TOKEN_PIN_MISSING, ERROR, "token") \
	X(TOKEN_PIN_REJECTED, ERROR, "token") \
	X(TOKEN_NOT_READY, ERROR, "token") \
	X(TOKEN_NONE, WARN, "token") \
	X(TOKEN_UNSEEN, WARN, "token") \
	X(KEY_OK, OK, "key") \
	X(KEY_UNUSABLE, ERROR, "key") \
	X(KEY_LEFT_OUT, WARN, "key") \
	X(KEY_ROCA, WARN, "key") \
	X(KEY_EXTRACTABLE, WARN, "key") \
	X(KEY_WAS_EXTRACTABLE, WARN, "key") \
	X(KEY_WRAPS, WARN, "key") \
	X(KEY_TWO_USES, WARN, "key") \
	X(KEY_NONE, WARN, "key") \
	X(KEY_UNSEEN, WARN, "key") \
	X(SIGN_OK, OK, "sign") \
	X(SIGN_FAILED, ERROR, "sign") \
	X(ROTATION_OK, OK, "rotation") \
	X(ROTATION_DUE, WARN, "rotation") \
	X(ROTATION_LATE, ERROR, "rotation") \
	X(ROTATION_RETIRING, OK, "rotation") \
	X(CERT_OK, OK, "cert") \
	X(CERT_ENDS, WARN, "cert") \
	X(CERT_EXPIRED, ERROR, "cert") \
	X(CERT_NOTE, WARN, "cert") \
	X(JWKS_OK, OK, "jwks") \
	X(JWKS_WARNING, WARN, "jwks") \
	X(JWKS_FAULT, ERROR, "jwks") \
	X(JWKS_UNSEEN, ERROR, "jwks") \
	X(PUBLISH_OK, OK, "publish") \
	X(PUBLISH_FAILING, ERROR, "publish") \
	X(PUBLISH_STALE, ERROR, "publish") \
	X(PUBLISH_UNSEEN, WARN, "publish") \
	X(AUDIT_OK, OK, "audit") \
	X(AUDIT_OFF, OK, "audit") \
	X(AUDIT_EMPTY, OK, "audit") \
	X(AUDIT_BROKEN, ERROR, "audit") \
	X(AUDIT_LOST, WARN, "audit") \
	X(AUDIT_WRITABLE, ERROR, "audit") \
	X(AUDIT_UNSEEN, WARN, "audit") \
	X(CLOCK_OK, OK, "clock") \
	X(CLOCK_IMPLAUSIBLE, ERROR, "clock") \
	X(CLOCK_BEHIND, ERROR, "clock") \
	X(CLOCK_UNSYNCED, WARN, "clock") \
	X(SERVICE_OK, OK, "service") \
	X(SERVICE_ABSENT, OK, "service") \
	X(SERVICE_EXPOSED, WARN, "service")
#define DOCTOR_ENUM_(code, level, area) DOCTOR_##code,
enum doctor_code { DOCTOR_FIRST_ = 99, DOCTOR_CODES(DOCTOR_ENUM_) DOCTOR_END_ };
#undef DOCTOR_ENUM_

struct doctor {
	const struct cmd_global *g;
	bool sign;             /* --sign: PINs may be sent */
	bool direct;           /* --module, --token or --pin-file: without a configuration */
	struct conf *conf;     /* NULL: none that can be read */
	struct jwk11_err conf_why;
	bool broker;           /* it answers, and knows us */
	bool published;        /* it may at least be asked for what is published */
	struct jwk11_err broker_why;
	struct j11_json_doc *keys; /* GET /v1/keys; NULL: not asked yet, or not to be had */
	struct probe *probes;      /* of the modules, where the broker has none of them */
	size_t n_probes;
	struct j11_json_out *o;
	unsigned n[DOCTOR_N_LEVELS];
};

/* One finding, at once: a line, or with --json an object. `object` is what it is about ("": the whole), `next` what to type or do (NULL: nothing). */
void doctor_say(struct doctor *d, enum doctor_code code, const char *object, const char *next, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* The checks, by file. */
void doctor_config(struct doctor *d);  /* doctor_config.c */
void doctor_pins(struct doctor *d);
void doctor_state(struct doctor *d);
void doctor_audit(struct doctor *d);   /* doctor_audit.c */
void doctor_broker(struct doctor *d);  /* doctor_broker.c */
void doctor_numbers(struct doctor *d);
void doctor_publish(struct doctor *d);
void doctor_sockets(struct doctor *d); /* doctor_socket.c */
void doctor_modules(struct doctor *d); /* doctor_modules.c */
void doctor_devices(struct doctor *d); /* doctor_devices.c */
void doctor_tokens(struct doctor *d);  /* doctor_tokens.c */
void doctor_keys(struct doctor *d);    /* doctor_keys.c */
void doctor_rotation(struct doctor *d); /* doctor_rotation.c */
void doctor_certs(struct doctor *d);
void doctor_jwks(struct doctor *d);    /* doctor_jwks.c */
void doctor_clock(struct doctor *d);   /* doctor_clock.c */
void doctor_service(struct doctor *d); /* doctor_service.c */

#endif
