/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs, in the order in which the help names them. */
#include "cmd.h"

extern const struct cmd_verb cmd_token, cmd_complete;
extern const struct cmd_verb cmd_inspect;
extern const struct cmd_verb cmd_list, cmd_jwks, cmd_lint, cmd_sign, cmd_jws, cmd_jwt, cmd_verify, cmd_encrypt, cmd_decrypt, cmd_audit, cmd_keygen,
	cmd_import, cmd_import_cert, cmd_cert, cmd_rotate, cmd_keys, cmd_prune, cmd_whoami, cmd_tokens, cmd_login, cmd_logout, cmd_metrics, cmd_publish, cmd_doctor, cmd_setup, cmd_enroll;
extern const struct cmd_verb cmd_csr, cmd_selfsign;
extern const struct cmd_verb cmd_assertion, cmd_dpop, cmd_attest_pop, cmd_httpsig, cmd_acme_jws;

const struct cmd_verb *const cmd_verbs[] = {
	&cmd_list,
	&cmd_jwks,
	&cmd_lint,
	&cmd_sign,
	&cmd_jws,
	&cmd_jwt,
	&cmd_token,
	&cmd_assertion,
	&cmd_dpop,
	&cmd_attest_pop,
	&cmd_httpsig,
	&cmd_acme_jws,
	&cmd_verify,
	&cmd_encrypt,
	&cmd_decrypt,
	&cmd_csr,
	&cmd_selfsign,
	&cmd_audit,
	&cmd_keygen,
	&cmd_import,
	&cmd_import_cert,
	&cmd_cert,
	&cmd_inspect,
	&cmd_enroll,
	&cmd_rotate,
	&cmd_keys,
	&cmd_prune,
	&cmd_whoami,
	&cmd_tokens,
	&cmd_login,
	&cmd_logout,
	&cmd_metrics,
	&cmd_publish,
	&cmd_doctor,
	&cmd_setup,
	&cmd_complete,
	NULL,
};
